import BorgArchive
import BorgRepository
import BorgSystem

/// `borg prune`: deletes old archives by rules.
struct PruneCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "prune", title: "Delete archives that no rule keeps",
      positionals: [PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")],
      options: PruneOptions.all, exclusive: PruneOptions.exclusive, epilog: PruneOptions.epilog)
  }

  static var signalHandling: SignalHandling { .stopsItself }
  private static let logger = "borg.archiver"

  private let location: Location
  private let rules: PruneRules
  private let glob: [UInt8]?
  private let isDryRun: Bool
  private let lists: Bool
  private let statistics: StatisticsOptions
  private let force: Bool
  private let checkpointIntervalSeconds: Int

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY")
    rules = PruneOptions.rules(arguments)
    glob = ArchiveFilterOptions(arguments).selection.glob
    isDryRun = arguments.has("--dry-run")
    lists = arguments.has("--list")
    statistics = try StatisticsOptions(arguments)
    force = arguments.has("--force")
    checkpointIntervalSeconds = max(0, arguments.integer("--checkpoint-interval") ?? 1800)
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .exclusive, manifest: [.delete]) }

  func run(in context: CommandContext) throws -> ExitCode {
    try requireRules()
    let plan = try PrunePlan(context.session.manifest, glob: glob, rules: rules, now: context.clock.now())
    log(plan, context.monitor)
    let cache = isDryRun ? nil : try context.openCache(context.session)
    defer { cache?.close() }
    var removal = ArchiveRemoval(
      context: context, cache: cache, force: force, checkpointIntervalSeconds: checkpointIntervalSeconds)
    removal.expect(plan.steps.filter { $0.decision == .prune }.map(\.entry))
    try carryOut(plan, &removal, context)
    try removal.finish()
    try removal.report(statistics)
    return .success
  }

  private func requireRules() throws {
    guard rules.isEmpty else { return }
    throw ArchiveError.command(
      "At least one of the \"keep-within\", \"keep-last\", \"keep-secondly\", \"keep-minutely\", \"keep-hourly\", "
        + "\"keep-daily\", \"keep-weekly\", \"keep-monthly\", \"keep-13weekly\", \"keep-3monthly\", or "
        + "\"keep-yearly\" settings must be specified.")
  }

  private func carryOut(_ plan: PrunePlan, _ removal: inout ArchiveRemoval, _ context: CommandContext) throws {
    let total = plan.pruned.archives + plan.pruned.checkpoints
    var progress = PercentProgress(messageID: "prune", total: total, stepInTenths: 50, monitor: context.monitor)
    var pruned = 0
    var isStopped = false
    for step in plan.steps where !isStopped {
      if step.decision == .prune {
        progress.advance(by: 1) { "Pruning archives \($0)%" }
        pruned += 1
        isStopped = try removal.remove(step.entry)
      }
      guard lists else { continue }
      let line = padded(message(step.decision, pruned, of: total), 44) + " " + archiveLine(step.entry)
      context.monitor.info(line, logger: "borg.output.list")
    }
    progress.finish()
  }

  private func message(_ decision: PrunePlan.Decision, _ number: Int, of total: Int) -> String {
    switch decision {
    case .keep(let reason): "Keeping archive (rule: \(reason.rule) #\(reason.number)):"
    case .keepCheckpoint: "Keeping checkpoint archive:"
    case .prune: isDryRun ? "Would prune:" : "Pruning archive (\(number)/\(total)):"
    }
  }

  private func log(_ plan: PrunePlan, _ monitor: any Monitor) {
    let (present, matching, kept, pruned) = (plan.present, plan.matching, plan.kept, plan.pruned)
    for line in [
      "Repository contains \(present.archives) normal archives and \(present.checkpoints) checkpoint archives.",
      "Applying rules to the matching \(matching.archives) archives and \(matching.checkpoints) checkpoints...",
      "Keeping \(kept.archives) archives and \(kept.checkpoints) checkpoints, "
        + "pruning \(pruned.archives) archives and \(pruned.checkpoints) checkpoints.",
    ] { monitor.info(line, logger: PruneCommand.logger) }
  }
}
