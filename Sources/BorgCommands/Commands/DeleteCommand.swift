import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// `borg delete`: archives, a whole repository, or its cache.
struct DeleteCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "delete", title: "Delete archives, or a whole repository",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive to delete"),
        PositionalDeclaration("ARCHIVE", .zeroOrMore, .text, help: "further archives of the same repository"),
      ],
      options: [
        OptionDeclaration("-n", "--dry-run", help: "change nothing"),
        OptionDeclaration("--list", help: "list the archives concerned"),
      ] + StatisticsOptions.declarations + [
        OptionDeclaration("--cache-only", help: "delete only the local cache of the repository"),
        OptionDeclaration(
          "--force", help: "delete damaged archives, too; given twice: only take archives off the list"),
        OptionDeclaration("--keep-security-info", help: "keep what is known locally about a deleted repository"),
        OptionDeclaration("--save-space", help: "accepted for compatibility"),
        OptionDeclaration(
          "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS",
          help: "commit every SECONDS, 0: only at the end (default: 1800)"),
      ] + ArchiveFilterOptions.declarations,
      exclusive: ArchiveFilterOptions.exclusive,
      epilog: """
        Deletes the archives that are named or selected by --glob-archives, --first and --last. Without any, deletes the
        whole repository, with its local cache and security information, after a question.

        Deleting archives frees no space until "borg compact" is run. "Deleted data" of --stats says how much can be
        freed. Use --dry-run --list to see first what would be deleted.

        Examples:

            borg delete /srv/repo::monday
            borg delete --list /srv/repo monday tuesday
            borg delete --dry-run --list --glob-archives 'old-*' /srv/repo
        """)
  }

  static var signalHandling: SignalHandling { .stopsItself }

  private let location: Location
  private let names: [[UInt8]]
  private let filter: ArchiveFilterOptions
  private let options: DeletionOptions

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    names = (location.archive.map { [$0] } ?? []) + arguments.texts("ARCHIVE")
    var filter = ArchiveFilterOptions(arguments)
    filter.selection.considersCheckpoints = true
    self.filter = filter
    options = try DeletionOptions(arguments)
  }

  private var concernsArchives: Bool { filter.isGiven || !names.isEmpty }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .exclusive, manifest: concernsArchives ? [.delete] : nil)
  }

  func prepare(in context: CommandContext) throws {
    guard filter.isGiven, !names.isEmpty else { return }
    throw ArchiveError.command("Mixing archive filters and explicitly named archives is not supported.")
  }

  func run(in context: CommandContext) throws -> ExitCode {
    guard concernsArchives else {
      try RepositoryDeletion(options: options, context: context).run()
      return .success
    }
    let selected = names.isEmpty ? try context.session.manifest.select(filter.selection).map(\.name) : names
    if !selected.isEmpty { try ArchiveDeletion(names: selected, options: options, context: context).run() }
    return .success
  }
}

/// The options of `delete` that say how, not what.
struct DeletionOptions {
  let isDryRun: Bool
  let lists: Bool
  let statistics: StatisticsOptions
  let force: Int
  let cacheOnly: Bool
  let keepsSecurityInfo: Bool
  /// 0: never.
  let checkpointIntervalSeconds: Int

  init(_ arguments: ParsedArguments) throws {
    isDryRun = arguments.has("--dry-run")
    lists = arguments.has("--list")
    statistics = try StatisticsOptions(arguments)
    force = arguments.count("--force")
    cacheOnly = arguments.has("--cache-only")
    keepsSecurityInfo = arguments.has("--keep-security-info")
    checkpointIntervalSeconds = max(0, arguments.integer("--checkpoint-interval") ?? 1800)
  }
}
