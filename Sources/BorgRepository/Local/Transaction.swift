import BorgFormat
import BorgSystem
import Glibc

/// Changes since the last commit, beside those in the index.
final class Transaction {
  var hints: Hints
  /// Why this transaction must not be committed: the quota is exceeded, or a write failed half-way.
  var doom: (any Error)?

  init(hints: Hints) {
    self.hints = hints
  }
}

/// Changing objects (repository.md sections 7 and 8).
extension RepositoryCore {
  /// `checksum` is that of the whole PUT entry.
  func put(_ id: ChunkID, _ object: [UInt8], checksum: UInt32) throws {
    let (transaction, index) = try openTransaction()
    let previous = try index[id].map { ($0, try store.entrySize(id, at: $0)) }
    try dooming(transaction) {
      if let previous { try supersede(id, previous, transaction) }
      let location = try object.withUnsafeBytes { try store.put(id, $0, checksum: checksum) }
      let segment = Int(location.segment)
      transaction.hints.storageQuotaUse &+= Int64(object.count + SegmentEntryHeader.sizeWithID)
      transaction.hints.segments.add(1, to: segment)
      index.set(id, location)
      try checkQuota(transaction)
    }
  }

  func delete(_ id: ChunkID) throws {
    let (transaction, index) = try openTransaction()
    guard let location = index[id] else { throw RepositoryError.objectNotFound(id: id, path: pathText) }
    let size = try store.entrySize(id, at: location)
    try dooming(transaction) {
      index.remove(id)
      try supersede(id, (location, size), transaction)
    }
  }

  /// Ends the validity of a PUT with a DELETE. Replacing puts log one too: it keeps the shadow list right, by which
  /// compaction knows whether a DELETE is still needed.
  private func supersede(
    _ id: ChunkID, _ previous: (location: EntryLocation, size: Int), _ transaction: Transaction
  ) throws {
    transaction.hints.shadow(id, in: Int(previous.location.segment), size: previous.size)
    let segment = Int(try store.delete(id).segment)
    transaction.hints.compact.add(SegmentEntryHeader.sizeWithID, to: segment)
    transaction.hints.segments.setDefault(segment)
  }

  private func checkQuota(_ transaction: Transaction) throws {
    guard storageQuota != 0, transaction.hints.storageQuotaUse > storageQuota else { return }
    throw RepositoryError.storageQuotaExceeded(
      quota: FileSize.text(storageQuota), used: FileSize.text(transaction.hints.storageQuotaUse))
  }

  private func dooming(_ transaction: Transaction, _ body: () throws -> Void) throws {
    do {
      try body()
    } catch {
      transaction.doom = error
      throw error
    }
  }

  /// The open transaction, or a new one on top of the last commit: needs the exclusive lock, and deletes what
  /// uncommitted transactions left.
  func openTransaction() throws -> (Transaction, RepositoryIndex) {
    if let transaction, let index {
      if let doom = transaction.doom { throw doom }
      return (transaction, index)
    }
    try requireOpen()
    for _ in 0..<2 * AuxiliaryFile.allCases.count {
      guard let current = try settledTransaction() else { return try beginFirstTransaction() }
      try requireExclusiveLock()
      guard let index = try index ?? loadIndex(current) else { continue }
      guard var hints = try loadHints(current, index) else {
        self.index = nil
        continue
      }
      hints.dropShadows(above: current)
      logStorageQuota(hints)
      try store.deleteSegments(above: current)
      return begin(Transaction(hints: hints), index)
    }
    throw RepositoryError.checkNeeded(path: pathText)
  }

  private func begin(_ transaction: Transaction, _ index: RepositoryIndex) -> (Transaction, RepositoryIndex) {
    self.transaction = transaction
    self.index = index
    return (transaction, index)
  }

  /// Nothing was ever committed. Segments can only be what a first transaction left when it was killed; real Borg
  /// stops at them ("File exists"), we begin anew. Anything else in them means damage, which is not ours to delete.
  private func beginFirstTransaction() throws -> (Transaction, RepositoryIndex) {
    try requireExclusiveLock()
    guard try store.holdsUnfinishedFirstTransaction() else { throw RepositoryError.checkNeeded(path: pathText) }
    try store.deleteSegments(above: nil)
    return begin(Transaction(hints: Hints()), RepositoryIndex())
  }

  /// Makes the open transaction, or an empty one, durable. On any error the transaction is rolled back; if its COMMIT
  /// was written, the next access finds it by replay.
  func commit(_ options: CommitOptions) throws {
    do {
      let (transaction, index) = try openTransaction()
      try checkFreeSpace(transaction, index)
      logStorageQuota(transaction.hints)
      // Whoever broke our lock may be writing: a COMMIT of ours would seal a mixture.
      try requireExclusiveLock()
      var last = try commitSegments(transaction)
      if options.compacts, !appendOnly { last = try compact(transaction, index, options) }
      try writeAuxiliaryFiles(last, index, transaction.hints)
      self.transaction = nil
    } catch {
      if transaction?.doom == nil { transaction?.doom = error }
      rollback()
      throw error
    }
  }

  /// Ends the segments with a COMMIT, the durability point, and notes that it can be freed.
  private func commitSegments(_ transaction: Transaction) throws -> Int {
    let segment = try store.commit()
    transaction.noteCommit(segment)
    return segment
  }

  /// Forgets the open transaction. Its segments stay for the next writer to delete, unless the disk is full.
  func rollback() {
    guard let transaction else { return }
    self.transaction = nil
    index = nil
    store.discardSegment()
    guard let error = transaction.doom as? SystemError, error.code == ENOSPC else { return }
    monitor.note(
      "No space left on device, cleaning up partial transaction to free space.", logger: repositoryLogger)
    deleteUncommittedSegments()
  }

  /// Best effort: the next writer does it again.
  func deleteUncommittedSegments() {
    do {
      guard let last = try store.latestCommittedSegment() else { return }
      try store.deleteSegments(above: last)
    } catch {
      monitor.note("Cleaning up failed: \(error)", logger: repositoryLogger)
    }
  }

  private func logStorageQuota(_ hints: Hints) {
    guard storageQuota != 0 else { return }
    monitor.info(
      "Storage quota: \(FileSize.text(hints.storageQuotaUse)) out of \(FileSize.text(storageQuota)) used.",
      logger: repositoryLogger)
  }
}

extension Transaction {
  func noteCommit(_ segment: Int) {
    hints.segments.setDefault(segment)
    hints.compact.add(SegmentEntryHeader.size, to: segment)
  }
}
