import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// `borg diff`: what differs between two archives of a repository.
struct DiffCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "diff", title: "Compare two archives of one repository",
      positionals: [
        PositionalDeclaration("REPO::ARCHIVE1", .one, .location(.required), help: "repository and first archive"),
        PositionalDeclaration("ARCHIVE2", .one, .archiveName, help: "name of the second archive"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "paths to compare; patterns are supported"),
      ],
      options: [
        OptionDeclaration("--numeric-owner", help: "deprecated spelling of --numeric-ids"),
        OptionDeclaration("--numeric-ids", help: "compare and show owners by their numbers"),
        OptionDeclaration(
          "--same-chunker-params", help: "compare chunk ids although the archives do not say that they were cut alike"),
        OptionDeclaration("--sort", help: "deprecated: sort by path"),
        OptionDeclaration(
          "--sort-by", action: .value(.differenceSortKeys), metavar: "FIELDS", onceOnly: true,
          help: "sort by these fields, comma-separated; \">\" before a field: descending"),
        OptionDeclaration("--content-only", help: "leave out owners, modes and times"),
        OptionDeclaration("--json-lines", help: "one JSON object a line for each path"),
      ] + ExclusionOptions.declarations,
      epilog: """
        Shows a line for each path that differs: contents, links, owners, modes and times. Extended attributes, ACLs, flags
        and access times are not compared.

        Sort fields: path, size, size_added, size_removed, size_diff, user, group, uid, gid, ctime, mtime, ctime_diff,
        mtime_diff.

        Examples:

            borg diff /srv/repo::monday tuesday
            borg diff --content-only --sort-by '>size_added,path' /srv/repo::monday tuesday home/ann
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let secondName: [UInt8]
  private let assertsSameChunkerParameters: Bool
  private let keys: [DifferenceOrder.Key]
  private let json: Bool
  private let options: ArchiveComparison.Options

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPO::ARCHIVE1")
    secondName = arguments.text("ARCHIVE2") ?? []
    assertsSameChunkerParameters = arguments.has("--same-chunker-params")
    json = arguments.has("--json-lines")
    keys = DiffCommand.sortKeys(arguments)
    var options = ArchiveComparison.Options(
      matcher: try ExclusionOptions(arguments).selectionMatcher(paths: arguments.texts("PATH")))
    options.contentOnly = arguments.has("--content-only")
    options.numericIDs = arguments.has("--numeric-ids") || arguments.has("--numeric-owner")
    options.considersPartFiles = arguments.has("--consider-part-files")
    self.options = options
  }

  private static func sortKeys(_ arguments: ParsedArguments) -> [DifferenceOrder.Key] {
    if case .differenceSortKeys(let keys)? = arguments.value("--sort-by") { return keys }
    return arguments.has("--sort") ? [DifferenceOrder.Key(field: .path)] : []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.read]) }

  func run(in context: CommandContext) throws -> ExitCode {
    let old = try Archive(named: location.archive ?? [], in: context.session)
    let new = try Archive(named: secondName, in: context.session)
    var options = options
    options.chunkIDsAreComparable = chunkIDsAreComparable(old, new, context.monitor)
    var printer = DifferencePrinter(console: context.console, json: json)
    guard !keys.isEmpty else {
      try ArchiveComparison.run(old, new, options) { printer.print($0) }
      printer.finish()
      options.matcher.reportUnmatched(to: context.monitor)
      return .success
    }
    var differences: [ItemDifference] = []
    try ArchiveComparison.run(old, new, options) { differences.append($0) }
    for difference in DifferenceOrder(keys).sorted(differences) { printer.print(difference) }
    printer.finish()
    options.matcher.reportUnmatched(to: context.monitor)
    return .success
  }

  private func chunkIDsAreComparable(_ old: Archive, _ new: Archive, _ monitor: any Monitor) -> Bool {
    if assertsSameChunkerParameters { return true }
    guard let areEqual = ArchiveComparison.hasEqualChunkerParameters(old, new) else {
      monitor.note(
        """
        --chunker-params might be different between archives, diff will be slow.
        If you know for certain that they are the same, pass --same-chunker-params to override this check.
        """, logger: "borg.archiver")
      return false
    }
    if !areEqual {
      monitor.note(
        "--chunker-params are different between archives, diff will be slow.", logger: "borg.archiver")
    }
    return areEqual
  }
}
