import BorgFormat
import BorgSystem

/// Making index and hints from segments (repository.md section 11).
extension RepositoryCore {
  /// Brings the index of transaction `base` (nil: an empty one) up to `transaction` and writes it. Takes the exclusive
  /// lock and keeps it. False when `base` turned out damaged; its files are gone then. An `IntegrityError` in a
  /// segment aborts the replay.
  func replay(from base: Int?, to transaction: Int) throws -> Bool {
    try lock?.upgrade()
    guard let (index, loadedHints) = try base.map({ try loadState($0) }) ?? (RepositoryIndex(), Hints()) else {
      return false
    }
    var hints = loadedHints
    monitor.note("Replaying segments. Please wait, this can take a while...", logger: repositoryLogger)
    var progress = try SegmentProgress(
      "Replaying segments", messageID: "repository.replay_segments", store, monitor: monitor)
    try store.files.forEach { segment in
      progress.step()
      if segment > transaction { return false }
      if let base, segment <= base { return true }
      try replay(segment, index, &hints)
      return true
    }
    progress.finish()
    try writeAuxiliaryFiles(transaction, index, hints)
    self.index = nil
    return true
  }

  private func loadState(_ transaction: Int) throws -> (RepositoryIndex, Hints)? {
    guard let index = try loadIndex(transaction), let hints = try loadHints(transaction, index) else { return nil }
    return (index, hints)
  }

  private func replay(_ segment: Int, _ index: RepositoryIndex, _ hints: inout Hints) throws {
    try SegmentStore.requireNumber(segment)
    hints.segments[segment] = 0
    try store.scan(segment) { entry in
      try apply(ReplayedEntry(entry, in: segment), index, &hints)
      return true
    }
    try finishReplay(of: segment, &hints)
  }

  /// Feeds one entry into index and hints. The bookkeeping is coarser than that of a running transaction: a DELETE
  /// and a COMMIT do not count as freeable themselves.
  func apply(_ entry: ReplayedEntry, _ index: RepositoryIndex, _ hints: inout Hints) throws {
    switch entry.tag {
    case .put:
      if let previous = index[entry.id] { hints.shadow(entry.id, in: Int(previous.segment), size: entry.size) }
      index.set(entry.id, entry.location)
      hints.segments.add(1, to: Int(entry.location.segment))
      hints.storageQuotaUse &+= Int64(entry.size)
    case .delete:
      guard let previous = index[entry.id] else { return }
      index.remove(entry.id)
      guard try store.files.exists(Int(previous.segment)) else { return }
      let size = try store.entrySize(entry.id, at: previous)
      hints.shadow(entry.id, in: Int(previous.segment), size: size)
    case .commit: break
    }
  }

  /// A segment without current objects can be freed as a whole.
  func finishReplay(of segment: Int, _ hints: inout Hints) throws {
    if hints.segments[segment] == 0 { hints.compact[segment] = try store.files.size(of: segment) ?? 0 }
  }
}

/// What a replay needs to know of an entry.
struct ReplayedEntry {
  let tag: SegmentEntryHeader.Tag
  let id: ChunkID
  let location: EntryLocation
  let size: Int

  init(_ entry: SegmentScanner.Entry, in segment: Int) {
    tag = entry.tag
    id = entry.id
    location = EntryLocation(entry, in: segment)
    size = entry.size
  }
}
