import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTransfer

/// Deletes archives of an open repository, with commits on the way.
struct ArchiveDeletion {
  private static let logger = "borg.archiver"

  let names: [[UInt8]]
  let options: DeletionOptions
  let context: CommandContext

  func run() throws {
    if options.force > 1 { try dropEntries() } else { try deleteArchives() }
  }

  // MARK: With reference counts

  private func deleteArchives() throws {
    let cache = try context.openCache(context.session)
    defer { cache.close() }
    var statistics = Statistics()
    var uncommitted = 0
    var lastCommit = context.clock.monotonic()
    for (index, name) in names.enumerated() {
      guard let entry = context.session.manifest.entry(named: name) else {
        warnMissing(name, index)
        continue
      }
      list(options.isDryRun ? "Would delete archive:" : "Deleting archive:", entry, index)
      if options.isDryRun { continue }
      try delete(entry, cache, &statistics)
      uncommitted += 1
      if context.interruption.isAbortRequested { try context.checkInterruption() }
      if context.interruption.isStopRequested { try stop(cache) }
      if isDue(since: lastCommit) {
        try context.commit(cache)
        uncommitted = 0
        lastCommit = context.clock.monotonic()
      }
    }
    try context.checkInterruption()
    if uncommitted > 0 { try context.commit(cache) }
    try report(statistics, cache)
  }

  private func delete(_ entry: Manifest.Entry, _ cache: Cache, _ statistics: inout Statistics) throws {
    let archive = try Archive(entry, in: context.session)
    let wasDamaged = try archive.delete(cache: cache, statistics: &statistics, force: options.force > 0)
    guard wasDamaged else { return }
    context.monitor.note(
      "forced deletion succeeded, but the deleted archive was corrupted.", logger: "borg.archive")
    context.monitor.note("borg check --repair is required to free all space.", logger: "borg.archive")
  }

  private func isDue(since last: Int64) -> Bool {
    let interval = Int64(options.checkpointIntervalSeconds)
    return interval > 0 && (context.clock.monotonic() - last) / 1_000_000_000 > interval
  }

  /// Makes real what is done so far, then ends as the user has asked.
  private func stop(_ cache: Cache) throws {
    context.monitor.info("checkpoint requested: starting checkpoint creation...", logger: ArchiveDeletion.logger)
    try context.commit(cache)
    context.monitor.info("checkpoint requested: finished checkpoint creation!", logger: ArchiveDeletion.logger)
    try context.checkInterruption()
  }

  private func report(_ statistics: Statistics, _ cache: Cache) throws {
    let text = StatisticsText(iec: context.common.usesIEC)
    var lines = [StatisticsText.dashes, StatisticsText.header, text.row("Deleted data:", statistics)]
    switch options.statistics {
    case .none: return
    case .quick: break
    case .full:
      lines += text.repositoryRows(
        try RepositoryTotals(context.session, cache, considersPartFiles: context.common.considersPartFiles))
    }
    context.monitor.logLines(lines + [StatisticsText.dashes], logger: "borg.output.stats")
  }

  // MARK: Without

  /// `--force --force`: only takes the archives off the manifest.
  private func dropEntries() throws {
    var isAnyGone = false
    for (index, name) in names.enumerated() {
      guard let entry = context.session.manifest.entry(named: name) else {
        warnMissing(name, index)
        continue
      }
      list(options.isDryRun ? "Would delete:" : "Deleted archive:", entry, index)
      context.session.dropArchive(named: name)
      isAnyGone = true
    }
    if options.isDryRun {
      context.monitor.info("Finished dry-run.", logger: ArchiveDeletion.logger)
    } else if isAnyGone {
      try context.commit(nil)
      context.monitor.note(
        "Done. Run \"borg check --repair\" to clean up the mess.", logger: ArchiveDeletion.logger)
    } else {
      context.monitor.note("Aborted.", logger: ArchiveDeletion.logger)
    }
  }

  // MARK: Lines

  private func warnMissing(_ name: [UInt8], _ index: Int) {
    context.monitor.log(
      LogRecord(
        .warning, logger: ArchiveDeletion.logger,
        "Archive \(displayText(name)) not found (\(index + 1)/\(names.count)).", warningCode: 1))
  }

  private func list(_ what: String, _ entry: Manifest.Entry, _ index: Int) {
    guard options.lists else { return }
    context.monitor.info(
      "\(what) \(archiveLine(entry)) (\(index + 1)/\(names.count))", logger: "borg.output.list")
  }
}
