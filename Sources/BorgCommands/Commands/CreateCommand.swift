import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTransfer

/// `borg create`: files into a new archive.
struct CreateCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "create", title: "Make a backup: a new archive of files",
      positionals: [
        PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive to make"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "what to back up"),
      ], options: CreateOptionDeclarations.all, epilog: CreateOptionDeclarations.epilog)
  }

  static var signalHandling: SignalHandling { .stopsItself }

  private let location: Location
  private let options: CreateOptions
  private let cacheOptions: Cache.Options
  private let statistics: StatisticsOptions
  private let json: Bool
  private let isDryRun: Bool

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("ARCHIVE")
    options = try CreateOptions(arguments)
    statistics = try StatisticsOptions(arguments)
    json = arguments.has("--json")
    isDryRun = arguments.has("--dry-run")
    var cacheOptions = Cache.Options()
    cacheOptions.avoidsSync = arguments.has("--no-cache-sync")
    cacheOptions.filesCacheMode = .standard
    if case .filesCacheMode(let mode)? = arguments.value("--files-cache") { cacheOptions.filesCacheMode = mode }
    self.cacheOptions = cacheOptions
  }

  /// A dry run opens no repository.
  var access: RepositoryAccess? {
    isDryRun ? nil : RepositoryAccess(location, lock: .exclusive, manifest: [.write], cache: cacheOptions)
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let target = location.givenText.map(displayText) ?? location.canonicalText
    context.monitor.info("Creating archive at \"\(target)\"", logger: "borg.archiver")
    context.monitor.debug("Processing files ...", logger: "borg.archiver")
    var options = options
    options.commandLine = context.commandLine
    if isDryRun {
      try Creation.dryRun(
        options, repository: location, context: context.sessionContext, interruption: context.interruption)
      return .success
    }
    let creation = try Creation(
      named: location.archive ?? [], session: context.session, cache: context.cache, options,
      interruption: context.interruption)
    try CreationReport(creation.run(), commandLine: context.commandLine).show(statistics, json: json, context)
    return .success
  }
}
