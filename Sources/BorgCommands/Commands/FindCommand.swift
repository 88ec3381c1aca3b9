import BorgArchive
import BorgFormat
import BorgMount
import BorgRepository
import BorgSystem
import BorgTree

/// `borg find`: which archives hold a path, and in how many versions. A command of ours; Borg has none like it.
struct FindCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "find", title: "Find files in all archives of a repository",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive to search"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "paths to find; patterns are supported"),
      ],
      options: [
        OptionDeclaration("--consider-checkpoints", help: "search checkpoint archives, too"),
        OptionDeclaration(
          "--name", action: .value(.text), metavar: "GLOB", help: "only what is called this, whatever its folder"),
        OptionDeclaration(
          "--type", action: .value(.choice(["f", "d", "l", "p", "c", "b"])), metavar: "TYPE",
          help: "only files, directories, links, fifos or devices"),
        OptionDeclaration(
          "--larger", action: .value(.fileSize), metavar: "SIZE", help: "only what has more bytes than SIZE"),
        OptionDeclaration(
          "--smaller", action: .value(.fileSize), metavar: "SIZE", help: "only what has fewer bytes than SIZE"),
        OptionDeclaration(
          "--newer", action: .value(.timestamp), metavar: "TIMESTAMP",
          help: "only what was changed after TIMESTAMP (yyyy-mm-ddThh:mm:ss in UTC, or a file)"),
        OptionDeclaration(
          "--older", action: .value(.timestamp), metavar: "TIMESTAMP", help: "only what was changed before TIMESTAMP"),
        OptionDeclaration("--versions", help: "show each version of a path, and since which archive there is"),
        OptionDeclaration("--short", help: "only paths, nothing else"),
        OptionDeclaration("--json-lines", help: "one JSON object a line"),
      ] + ArchiveFilterOptions.declarations + ExclusionOptions.declarations,
      exclusive: ArchiveFilterOptions.exclusive + [["--short", "--json-lines", "--versions"]],
      epilog: """
        Shows each path with the number of its versions and of the archives that hold it, and the first and the last of
        these. A version is a content that stayed the same from archive to archive. All conditions must hold.

        What archives have in common is read once only, so that searching many archives of the same files takes hardly
        longer than searching one.

        Examples:

            borg find /srv/repo home/ann/thesis.tex --versions
            borg find /srv/repo --name '*.sqlite' --larger 100M
            borg find -a 'host-*' /srv/repo 're:\\.(jpg|png)$' --newer 2024-06-01 --json-lines
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let filter: ArchiveFilterOptions
  private let condition: FindCondition
  private let style: FindingPrinter.Style

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    filter = ArchiveFilterOptions(arguments)
    condition = try FindCondition(arguments)
    style =
      arguments.has("--json-lines")
      ? .json : arguments.has("--short") ? .short : arguments.has("--versions") ? .versions : .lines
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.read]) }

  func run(in context: CommandContext) throws -> ExitCode {
    let entries = try archives(in: context.session)
    let index = MetadataIndex(of: context.session)
    defer { index?.finish() }
    let source = ArchiveTreeSource(
      session: context.session, entries: entries, matcher: PatternMatcher(fallback: true), usesNames: false,
      metadataBytes: FindCommand.metadataBytes, index: index)
    let store = BlockStore(source, options: TreeOptions(uid: 0, gid: 0, mountTime: 0))
    let search = ArchiveSearch(in: store, for: condition, usesSeen: true)
    var isComplete = true
    search.search(try source.archives()) { archive, error in
      isComplete = false
      context.monitor.note("Archive \(displayText(archive.name)): \(error)", logger: "borg.archiver")
    }
    context.monitor.debug(
      "\(entries.count) archives: looked through \(search.partCount) blocks of metadata", logger: "borg.archiver")
    defer { search.keepSeen() }
    var printer = FindingPrinter(style, entries)
    var text: [UInt8] = []
    func noteDamage(_ error: TreeError) {
      isComplete = false
      context.monitor.note("What some hard links hold cannot be told: \(error)", logger: "borg.archiver")
    }
    search.forEachFinding(damaged: noteDamage) { finding in
      printer.append(finding, to: &text)
      if text.count > FindCommand.batchSize {
        context.console.write(text)
        text.removeAll(keepingCapacity: true)
      }
    }
    context.console.write(text)
    condition.reportGivenUp(to: context.monitor)
    return isComplete ? .success : .warning
  }

  private static let batchSize = 64 << 10
  /// A block is looked through once, so that few need to stay.
  private static let metadataBytes = 32 << 20

  private func archives(in session: RepositorySession) throws -> [Manifest.Entry] {
    guard let name = location.archive else { return try session.manifest.select(filter.selection) }
    guard let entry = session.manifest.entry(named: name) else { throw ArchiveError.doesNotExist(name: name) }
    return [entry]
  }
}

/// What items must be like to be found.
private final class FindCondition: SearchCondition {
  private let matcher: PatternMatcher
  private let name: ArchiveNameGlob?
  private let type: UInt32?
  private let sizes: ClosedRange<Int64>
  private let times: ClosedRange<Int64>
  private let showsAll: Bool
  /// Whether sizes or times are asked for that nothing can have.
  private let isImpossible: Bool

  init(_ arguments: ParsedArguments) throws {
    matcher = try ExclusionOptions(arguments).selectionMatcher(paths: arguments.texts("PATH"))
    showsAll = matcher.isEmpty
    name = try arguments.bytes("--name").map { try ArchiveNameGlob($0) }
    let types: [String: UInt32] = [
      "f": FileType.regular, "d": FileType.directory, "l": FileType.symbolicLink, "p": FileType.fifo,
      "c": FileType.characterDevice, "b": FileType.blockDevice,
    ]
    type = arguments.string("--type").flatMap { types[$0] }
    let smallest = arguments.integer("--larger").map { Int64($0) &+ 1 } ?? .min
    let largest = arguments.integer("--smaller").map { Int64($0) &- 1 } ?? .max
    sizes = smallest...max(smallest, largest)
    var (earliest, latest) = (Int64.min, Int64.max)
    if case .timestamp(let time)? = arguments.value("--newer") { earliest = time &+ 1 }
    if case .timestamp(let time)? = arguments.value("--older") { latest = time &- 1 }
    times = earliest...max(earliest, latest)
    isImpossible = smallest > largest || earliest > latest
  }

  func reportGivenUp(to monitor: any Monitor) { matcher.reportGivenUp(to: monitor) }

  func admits(directory path: UnsafeRawBufferPointer) -> Bool {
    !isImpossible && (showsAll || matcher.mayInclude(in: path))
  }

  func admits(_ item: SearchedItem) -> Bool {
    guard item.size.map({ sizes.contains($0) }) ?? true, times.contains(item.mtime) else { return false }
    if let type, item.mode & FileType.mask != type { return false }
    return true
  }

  func admits(name: UnsafeRawBufferPointer) -> Bool { self.name?.matches(name) ?? true }

  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool {
    showsAll || matcher.decide(path).isIncluded
  }
}
