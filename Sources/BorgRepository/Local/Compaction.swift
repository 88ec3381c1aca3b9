import BorgFormat
import BorgSystem

/// Copies what is still needed out of sparse segments and deletes these (repository.md section 13).
///
/// A DELETE must stay as long as a PUT that it voids may come back: when an older superseded PUT still exists, when we
/// cannot know, or when the segment is newer than the index on disk, on which a replay after a crash would build.
struct Compaction {
  private let core: RepositoryCore
  private let store: SegmentStore
  private let index: RepositoryIndex
  private let transaction: Transaction
  /// The last settled transaction: that of the index on disk.
  private let settled: Int?
  private let threshold: Double
  private let monitor: any Monitor
  /// Copied from, no longer needed once the copies are committed.
  private var unused: [Int] = []

  /// Runs after the COMMIT of `transaction`; returns the number of the last COMMIT that it wrote itself.
  static func run(
    _ core: RepositoryCore, _ transaction: Transaction, _ index: RepositoryIndex, threshold: Double
  ) throws -> Int {
    var compaction = Compaction(core, transaction, index, threshold: threshold, settled: try core.indexTransaction())
    return try compaction.run()
  }

  private init(
    _ core: RepositoryCore, _ transaction: Transaction, _ index: RepositoryIndex, threshold: Double, settled: Int?
  ) {
    self.core = core
    store = core.store
    monitor = core.monitor
    self.index = index
    self.transaction = transaction
    self.settled = settled
    self.threshold = threshold
  }

  private mutating func run() throws -> Int {
    let quotaUse = transaction.hints.storageQuotaUse
    var sparse: [(segment: Int, freeable: Int)] = []
    transaction.hints.compact.forEach { sparse.append(($0, $1)) }
    sparse.sort { $0.segment < $1.segment }
    var progress = SegmentProgress(
      "Compacting segments", messageID: "repository.compact_segments", total: sparse.count, thousandths: 10,
      monitor: monitor)
    for (segment, freeable) in sparse {
      try compact(segment, freeable: freeable)
      progress.step()
    }
    progress.finish()
    let last = try completeTransfer(intermediate: false)
    try store.files.removeEmptyDirectories()
    let freed = FileSize.text(quotaUse &- transaction.hints.storageQuotaUse)
    monitor.info("compaction freed about \(freed) repository space.", logger: repositoryLogger)
    return last
  }

  private mutating func compact(_ segment: Int, freeable: Int) throws {
    guard let size = try store.files.size(of: segment), size > 0 else {
      monitor.note("segment \(segment) not found, but listed in compaction data", logger: repositoryLogger)
      forget(segment)
      return
    }
    guard Double(freeable) / Double(size) > threshold else { return }
    transaction.hints.segments.setDefault(segment)
    try store.scan(segment) { entry in
      switch entry.tag {
      case .put: try transfer(put: entry, from: segment)
      case .delete: try transfer(delete: entry, from: segment)
      case .commit: break
      }
      return true
    }
    if let count = transaction.hints.segments[segment], count != 0 {
      monitor.note(
        "Corrupted segment reference count \(count) (expected 0) for segment \(segment) - corrupted index or hints",
        logger: repositoryLogger)
    }
    unused.append(segment)
  }

  private mutating func transfer(put entry: SegmentScanner.Entry, from segment: Int) throws {
    guard index[entry.id] == EntryLocation(entry, in: segment) else {
      // An emptied list stays: it tells that we know of no older PUT.
      transaction.hints.removeShadow(entry.id, in: segment)
      transaction.hints.storageQuotaUse &-= Int64(entry.size)
      return
    }
    if store.needsNewSegment(for: entry.id) { _ = try completeTransfer(intermediate: true) }
    let checksum = SegmentChecksum.entry(entry.bytes)
    let location = try store.put(entry.id, entry.object, checksum: checksum)
    index.set(entry.id, location)
    transaction.hints.segments.add(1, to: Int(location.segment))
    transaction.hints.segments.add(-1, to: segment)
  }

  private mutating func transfer(delete entry: SegmentScanner.Entry, from segment: Int) throws {
    guard index[entry.id] == nil else { return }
    guard isStillNeeded(deleteOf: entry.id, in: segment) else {
      if transaction.hints.shadow[entry.id]?.isEmpty ?? false { transaction.hints.shadow[entry.id] = nil }
      return
    }
    if store.needsNewSegment(for: entry.id) { _ = try completeTransfer(intermediate: true) }
    let target = Int(try store.delete(entry.id).segment)
    transaction.hints.compact.add(SegmentEntryHeader.sizeWithID, to: target)
    transaction.hints.segments.setDefault(target)
  }

  private func isStillNeeded(deleteOf id: ChunkID, in segment: Int) -> Bool {
    guard let shadowed = transaction.hints.shadow[id], let settled else { return true }
    return segment > settled || shadowed.contains { $0 < segment }
  }

  /// Commits the copies, then deletes the segments that they came from. A compaction may take hours: who has broken our
  /// lock meanwhile may have deleted the copies, which are not committed, or gone on from the segments.
  private mutating func completeTransfer(intermediate: Bool) throws -> Int {
    try core.requireExclusiveLock()
    let segment = intermediate ? try store.commitIntermediately() : try store.commit()
    transaction.noteCommit(segment)
    if !unused.isEmpty { try core.requireExclusiveLock() }
    for segment in unused {
      try store.delete(segment)
      forget(segment)
    }
    unused.removeAll()
    return segment
  }

  private func forget(_ segment: Int) {
    transaction.hints.segments[segment] = nil
    transaction.hints.compact[segment] = nil
  }
}

extension RepositoryCore {
  /// Compacts as `options` say; returns the number of the last COMMIT written.
  func compact(_ transaction: Transaction, _ index: RepositoryIndex, _ options: CommitOptions) throws -> Int {
    if options.cleanupCommits { try markCommitOnlySegments(transaction) }
    return try Compaction.run(self, transaction, index, threshold: options.threshold)
  }

  /// Early Borg 1.x forgot to count the files that hold a COMMIT alone.
  private func markCommitOnlySegments(_ transaction: Transaction) throws {
    let size = SegmentEntryHeader.magic.count + SegmentEntryHeader.size
    try store.files.forEach { segment in
      if try store.files.size(of: segment) == size {
        transaction.hints.segments[segment] = 0
        transaction.hints.compact[segment] = SegmentEntryHeader.size
      }
      return true
    }
  }
}

extension Hints {
  /// Removes one mention of `segment` from the shadow list of `id`.
  mutating func removeShadow(_ id: ChunkID, in segment: Int) {
    guard shadow[id] != nil else { return }
    shadow.update(id, default: []) { segments in
      if let position = segments.firstIndex(of: segment) { segments.remove(at: position) }
    }
  }
}
