import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// `borg info`: details of a repository or of archives.
struct InfoCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "info", title: "Show details of a repository or of archives",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive to show")
      ],
      options: [OptionDeclaration("--json", help: "print a JSON document")] + ArchiveFilterOptions.declarations,
      exclusive: ArchiveFilterOptions.exclusive,
      epilog: """
        Shows how much a repository holds, or what an archive is and how much it holds.

        "Deduplicated size" of an archive is what only this archive needs: deleting it frees so much. "All archives" is
        the whole repository: before deduplication, compressed, and what is really stored.
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let filter: ArchiveFilterOptions
  private let json: Bool

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    var filter = ArchiveFilterOptions(arguments)
    filter.selection.considersCheckpoints = true
    self.filter = filter
    json = arguments.has("--json")
  }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .shared, manifest: [.read], cache: Cache.Options())
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let totals = try RepositoryTotals(
      context.session, context.cache, considersPartFiles: context.common.considersPartFiles)
    if location.archive != nil || filter.isGiven {
      try showArchives(totals, context)
    } else {
      showRepository(totals, context)
    }
    return .success
  }

  // MARK: Archives

  private func showArchives(_ totals: RepositoryTotals, _ context: CommandContext) throws {
    var details: [ArchiveDetails] = []
    for archive in try archives(context) {
      let detail = try ArchiveDetails(
        archive, cache: context.cache, considersPartFiles: context.common.considersPartFiles)
      if json {
        details.append(detail)
      } else {
        let separator = details.isEmpty ? "" : "\n"
        details = [detail]
        context.console.write(separator + detail.text(totals, iec: context.common.usesIEC))
      }
    }
    guard json else { return }
    var document = JSONDocument.basics(context.session)
    document.set("cache", totals.json(path: context.cache.directory))
    document.set("archives", .array(details.map(\.json)))
    context.console.write(document.text(context.environment))
  }

  private func archives(_ context: CommandContext) throws -> [Archive] {
    if let name = location.archive { return [try Archive(named: name, in: context.session)] }
    let entries = try context.session.manifest.select(filter.selection)
    context.session.announce(entries)
    return try entries.map { try Archive($0, in: context.session) }
  }

  // MARK: Repository

  private func showRepository(_ totals: RepositoryTotals, _ context: CommandContext) {
    let session = context.session
    let directory = SecurityManager(repositoryID: session.repository.id, environment: context.environment).directory
    if json {
      var document = JSONDocument.basics(session)
      document.set("cache", totals.json(path: context.cache.directory))
      document.set("security_dir", .string(directory))
      return context.console.write(document.text(context.environment))
    }
    let lines =
      [
        "Repository ID: \(session.repository.id.hex)", "Location: \(session.repository.location.canonicalPath)",
        "Encrypted: \(InfoCommand.encryption(session.key.type))",
      ] + (session.key.type.storage == .keyfile ? ["Key file: \(session.keyTarget ?? "")"] : []) + [
        "Cache: \(context.cache.directory ?? "")", "Security dir: \(directory)", StatisticsText.dashes,
        StatisticsText.header,
      ] + StatisticsText(iec: context.common.usesIEC).repositoryRows(totals)
    context.console.write(lines.joined(separator: "\n") + "\n")
  }

  private static func encryption(_ type: KeyType) -> String {
    type == .plaintext || type == .authenticated ? "No" : "Yes (\(type.displayName))"
  }
}
