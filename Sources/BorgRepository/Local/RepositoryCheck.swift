import BorgFormat
import BorgSystem

/// Verifies all segments, compares the index with them, and mends both (repository.md section 15).
final class RepositoryCheck {
  private let core: RepositoryCore
  private let repairs: Bool
  /// 0: no limit, a full check.
  private let maximumSeconds: Int
  private let index = RepositoryIndex()
  private var hints = Hints()
  private var errorFound = false

  private var store: SegmentStore { core.store }
  private var isPartial: Bool { maximumSeconds > 0 }

  init(_ core: RepositoryCore, repair: Bool, maximumSeconds: Int) {
    self.core = core
    repairs = repair
    self.maximumSeconds = maximumSeconds
  }

  /// True when there is no error left.
  func run() throws -> Bool {
    info("Starting repository check")
    let (committedIndex, found) = try determineState()
    guard let transaction = found else {
      report("This repository contains no valid data.")
      return false
    }
    if repairs { try store.deleteSegments(above: transaction) }
    let lastCommit = try store.latestCommittedSegment()
    try verifySegments(upTo: transaction)
    var newTransaction = lastCommit
    if repairs, lastCommit == nil { newTransaction = try addCommit(after: transaction) }
    if !isPartial {
      info("Starting repository index check")
      if let committedIndex, !repairs { compare(with: committedIndex) }
      if repairs, let newTransaction { try core.writeAuxiliaryFiles(newTransaction, index, hints) }
    }
    core.index = nil
    return conclude()
  }

  /// The index as committed, if it can be had, and the transaction to check against. This alone may replay segments
  /// and write a new index.
  private func determineState() throws -> (RepositoryIndex?, Int?) {
    do {
      let transaction = try core.settledTransaction()
      if let transaction { return (try core.readableIndex(), transaction) }
    } catch {
      core.monitor.debug("Failed to read committed index (\(error))", logger: repositoryLogger)
    }
    return (nil, try store.latestCommittedSegment() ?? core.indexTransaction() ?? store.files.latest())
  }

  // MARK: Segments

  private func verifySegments(upTo transaction: Int) throws {
    let firstSegment = try beginProgressRecord()
    let clock = Clock.system
    let end = clock.monotonic().addingReportingOverflow(Int64(min(maximumSeconds, 1 << 31)) * 1_000_000_000)
      .partialValue
    var progress = try SegmentProgress(
      "Checking segments", messageID: "repository.check", store, thousandths: 1, monitor: core.monitor)
    var last = -1
    var isCutShort = false
    try store.files.forEach { segment in
      progress.step()
      last = segment
      guard segment >= firstSegment, segment <= transaction else { return true }
      try verify(segment)
      isCutShort = isPartial && clock.monotonic() > end
      return !isCutShort
    }
    progress.finish()
    if isCutShort {
      info("finished partial segment check, last segment checked is \(last)")
      try record(lastSegment: last)
    } else {
      info("finished segment check at segment \(last)")
      try record(lastSegment: nil)
    }
  }

  /// The first segment to look at: a partial check goes on where the last one stopped.
  private func beginProgressRecord() throws -> Int {
    guard isPartial else {
      try record(lastSegment: nil)
      return 0
    }
    let last = core.configValue(RepositoryCheck.progressOption).flatMap { Int($0.trimmingSpaces()) } ?? -1
    let first = max(0, last.addingReportingOverflow(1).partialValue)
    info("skipping to segments >= \(first)")
    return first
  }

  private func record(lastSegment: Int?) throws {
    let option = RepositoryCheck.progressOption
    core.config[RepositorySettings.section, option] = lastSegment.map(String.init)
    try core.saveConfig()
  }

  private func verify(_ segment: Int) throws {
    var entries: [ReplayedEntry] = []
    do {
      entries = try read(segment)
    } catch let error as IntegrityError {
      report(error.description)
      if repairs {
        try SegmentSalvage.run(segment, store, monitor: core.monitor)
        entries = try read(segment)
      }
    }
    if !isPartial { try apply(entries, of: segment) }
  }

  /// All entries, or none: a damaged segment contributes nothing.
  private func read(_ segment: Int) throws -> [ReplayedEntry] {
    var entries: [ReplayedEntry] = []
    try store.scan(segment) { entry in
      if !isPartial { entries.append(ReplayedEntry(entry, in: segment)) }
      return true
    }
    return entries
  }

  private func apply(_ entries: [ReplayedEntry], of segment: Int) throws {
    guard segment <= SegmentStore.maximumSegment else { return report("Segment number \(segment) is too high") }
    hints.segments[segment] = 0
    for entry in entries { try core.apply(entry, index, &hints) }
    try core.finishReplay(of: segment, &hints)
  }

  private func addCommit(after transaction: Int) throws -> Int {
    report("Adding commit tag to segment \(transaction)")
    try store.continueWriting(at: transaction + 1)
    return try store.commit()
  }

  // MARK: Report

  private func compare(with committed: RepositoryIndex) {
    if committed.count != index.count {
      report("Index object count mismatch.")
      report("committed index: \(committed.count) objects")
      report("rebuilt index:   \(index.count) objects")
    } else {
      info("Index object count match.")
    }
    index.forEach { id, location in
      if committed[id] != location { reportDifference(id, rebuilt: location, committed: committed[id]) }
    }
    committed.forEach { id, location in
      if index[id] == nil { reportDifference(id, rebuilt: nil, committed: location) }
    }
  }

  private func reportDifference(_ id: ChunkID, rebuilt: EntryLocation?, committed: EntryLocation?) {
    func text(_ location: EntryLocation?) -> String {
      let text = location?.description ?? "<not found>"
      return text + String(repeating: " ", count: max(0, 16 - text.count))
    }
    report("ID: \(id.hex) rebuilt index: \(text(rebuilt)) committed index: \(text(committed))")
  }

  private func conclude() -> Bool {
    let mode = isPartial ? "partial" : "full"
    switch (errorFound, repairs) {
    case (false, _): info("Finished \(mode) repository check, no problems found.")
    case (true, true): info("Finished \(mode) repository check, errors found and repaired.")
    case (true, false):
      core.monitor.error("Finished \(mode) repository check, errors found.", logger: repositoryLogger)
    }
    return !errorFound || repairs
  }

  private func report(_ message: String) {
    errorFound = true
    core.monitor.error(message, logger: repositoryLogger)
  }

  private func info(_ message: String) {
    core.monitor.info(message, logger: repositoryLogger)
  }

  private static let progressOption = "last_segment_checked"
}

extension RepositoryCore {
  func check(repair: Bool, maximumSeconds: Int) throws -> Bool {
    try requireOpen()
    if repair, appendOnly { throw RepositoryError.appendOnly(path: pathText) }
    guard !(repair && maximumSeconds > 0), maximumSeconds >= 0 else {
      throw RepositoryError.refused("A partial check cannot repair.")
    }
    try requireExclusiveLock()
    guard transaction == nil else { throw RepositoryError.refused("A check needs a repository without changes.") }
    return try RepositoryCheck(self, repair: repair, maximumSeconds: maximumSeconds).run()
  }
}
