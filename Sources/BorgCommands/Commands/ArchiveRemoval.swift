import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTransfer

/// Deletes archives one after another, as `delete` and `prune` do: with commits on the way, and with statistics.
struct ArchiveRemoval {
  private static let logger = "borg.archiver"

  /// Nil in a dry run.
  private let cache: Cache?
  private let force: Bool
  /// 0: only at the end.
  private let checkpointIntervalSeconds: Int
  private let context: CommandContext
  private var statistics = Statistics()
  private var coming: ArraySlice<Manifest.Entry> = []
  private var opened: [Opened] = []
  private var hasUncommitted = false
  private var lastCommit: Int64

  /// An archive whose items are on their way.
  private struct Opened {
    let entry: Manifest.Entry
    let archive: Archive
    let items: ItemStream
  }

  private static let maximumOpened = 4

  init(context: CommandContext, cache: Cache?, force: Bool, checkpointIntervalSeconds: Int) {
    self.context = context
    self.cache = cache
    self.force = force
    self.checkpointIntervalSeconds = checkpointIntervalSeconds
    lastCommit = context.clock.monotonic()
  }

  /// Says which archives will be removed, in this order: they are read ahead where that helps.
  mutating func expect(_ entries: [Manifest.Entry]) {
    guard cache != nil, context.repository.readAheadBytes > 0 else { return }
    coming = entries[...]
    context.session.announce(entries)
  }

  /// What cannot be opened is reported at its turn.
  private mutating func openAhead() {
    while opened.count < ArchiveRemoval.maximumOpened, let entry = coming.popFirst() {
      guard let archive = try? Archive(entry, in: context.session), let items = try? ItemStream(archive) else { return }
      opened.append(Opened(entry: entry, archive: archive, items: items))
    }
  }

  /// Deletes an archive; true: the user has asked to stop, and what is done so far was committed. Throws
  /// `Interruption.Aborted` when asked to end at once.
  mutating func remove(_ entry: Manifest.Entry) throws -> Bool {
    guard let cache else { return false }
    openAhead()
    let ahead = opened.first?.entry == entry ? opened.removeFirst() : nil
    let archive = try ahead?.archive ?? Archive(entry, in: context.session)
    let wasDamaged = try archive.delete(
      items: ahead?.items, cache: cache, statistics: &statistics, force: force)
    if wasDamaged { noteDamage() }
    hasUncommitted = true
    if context.interruption.isAbortRequested { try context.checkInterruption() }
    if context.interruption.isStopRequested {
      try stop(cache)
      return true
    }
    if isDue { try commit(cache) }
    return false
  }

  /// Makes the rest real. Throws what a user is told who has asked to stop.
  mutating func finish() throws {
    for archive in opened { archive.items.close() }
    opened = []
    try context.checkInterruption()
    if let cache, hasUncommitted { try commit(cache) }
  }

  /// The block of --stats.
  func report(_ options: StatisticsOptions) throws {
    guard let cache else { return }
    let text = StatisticsText(iec: context.common.usesIEC)
    var lines = [StatisticsText.dashes, StatisticsText.header, text.row("Deleted data:", statistics)]
    switch options {
    case .none: return
    case .quick: break
    case .full:
      lines += text.repositoryRows(
        try RepositoryTotals(context.session, cache, considersPartFiles: context.common.considersPartFiles))
    }
    context.monitor.logLines(lines + [StatisticsText.dashes], logger: "borg.output.stats")
  }

  private func noteDamage() {
    context.monitor.note(
      "forced deletion succeeded, but the deleted archive was corrupted.", logger: "borg.archive")
    context.monitor.note("borg check --repair is required to free all space.", logger: "borg.archive")
  }

  private var isDue: Bool {
    let interval = Int64(checkpointIntervalSeconds)
    return interval > 0 && (context.clock.monotonic() - lastCommit) / 1_000_000_000 > interval
  }

  private mutating func commit(_ cache: Cache) throws {
    try context.commit(cache)
    hasUncommitted = false
    lastCommit = context.clock.monotonic()
  }

  private mutating func stop(_ cache: Cache) throws {
    context.monitor.info("checkpoint requested: starting checkpoint creation...", logger: ArchiveRemoval.logger)
    try commit(cache)
    context.monitor.info("checkpoint requested: finished checkpoint creation!", logger: ArchiveRemoval.logger)
  }
}
