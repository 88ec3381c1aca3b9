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

  func prepare(in context: CommandContext) throws {
    if isDryRun { try context.refuseRemote(location) }
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
    try report(CreationReport(creation.run(), commandLine: context.commandLine), context)
    return .success
  }

  private func report(_ report: CreationReport, _ context: CommandContext) throws {
    let isWanted =
      switch statistics {
      case .none: json
      case .quick, .full: true
      }
    guard isWanted else { return }
    let totals = try totals(context)
    if json {
      context.console.write(report.document(context.session, totals, context.cache).text(context.environment))
    } else {
      context.monitor.logLines(
        report.lines(context.session, totals, context.cache, iec: context.common.usesIEC),
        logger: "borg.output.stats")
    }
  }

  /// Nil with --quick-stats.
  private func totals(_ context: CommandContext) throws -> RepositoryTotals? {
    if case .quick = statistics { return nil }
    return try RepositoryTotals(
      context.session, context.cache, considersPartFiles: context.common.considersPartFiles)
  }
}
