import BorgFormat
import Synchronization

/// Files that need not be read again: Borg's files cache (caches.md section 6). Entries lie in one packed block, not
/// one object a file. Thread-safe; a cache that comes from a file is loaded by a thread of its own, and the first
/// question waits for it.
public final class FilesCache: Sendable {
  public enum Answer: Sendable, Equatable {
    /// Not in the cache (status A).
    case unknown
    /// Known and changed (status M).
    case changed
    /// Unchanged: these are its chunks. The caller checks that all are in the chunk index.
    case unchanged([ChunkID])
  }

  /// The same without the chunks.
  public enum Outcome: Sendable, Equatable { case unknown, changed, unchanged }

  public let mode: FilesCacheMode
  private let state: Mutex<State>

  private struct State: ~Copyable {
    var table = FilesCacheTable()
    var loader: FilesCacheLoader?
    /// The largest cmtime of a file read in this run.
    var newest: Int64?

    mutating func finishLoading() {
      guard let loader else { return }
      table = loader.finish()
      self.loader = nil
    }
  }

  public init(mode: FilesCacheMode) {
    self.mode = mode
    state = Mutex(State())
  }

  init(mode: FilesCacheMode, loader: FilesCacheLoader?) {
    self.mode = mode
    state = Mutex(State(loader: loader))
  }

  /// Looks up by the keyed hash of the absolute path; an unchanged entry is refreshed (inode, age 0).
  public func lookup(_ pathHash: ChunkID, inode: UInt64, size: Int64, ctime: Int64, mtime: Int64) -> Answer {
    var chunks: [ChunkID] = []
    switch lookup(pathHash, inode: inode, size: size, ctime: ctime, mtime: mtime, chunks: &chunks) {
    case .unknown: return .unknown
    case .changed: return .changed
    case .unchanged: return .unchanged(chunks)
    }
  }

  /// The same into a buffer of the caller's: `chunks` becomes the file's chunks if it is unchanged.
  public func lookup(
    _ pathHash: ChunkID, inode: UInt64, size: Int64, ctime: Int64, mtime: Int64, chunks: inout [ChunkID]
  ) -> Outcome {
    if mode.contains(.disabled) || mode.contains(.rechunk) { return .unknown }
    var found: [ChunkID] = []
    swap(&found, &chunks)
    found.removeAll(keepingCapacity: true)
    let result = state.withLock { state in
      state.finishLoading()
      guard let number = state.table.find(pathHash) else { return (Outcome.unknown, found) }
      let entry = state.table.entry(number)
      guard isUnchanged(entry, inode: inode, size: size, ctime: ctime, mtime: mtime) else { return (.changed, found) }
      state.table.refresh(number, entry, inode: inode)
      state.table.appendChunks(of: entry, to: &found)
      return (.unchanged, found)
    }
    chunks = result.1
    return result.0
  }

  private func isUnchanged(
    _ entry: FilesCacheTable.Entry, inode: UInt64, size: Int64, ctime: Int64, mtime: Int64
  ) -> Bool {
    if mode.contains(.size), entry.size != size { return false }
    if mode.contains(.inode), entry.inode != inode { return false }
    if mode.contains(.ctime) { return entry.cmtime == ctime }
    if mode.contains(.mtime) { return entry.cmtime == mtime }
    return true
  }

  /// Remembers a file that was read.
  public func remember(
    _ pathHash: ChunkID, inode: UInt64, size: Int64, ctime: Int64, mtime: Int64, chunks: [ChunkID]
  ) {
    if mode.contains(.disabled) { return }
    let cmtime = Self.clamped(mode.contains(.mtime) ? mtime : ctime)
    state.withLock { state in
      state.finishLoading()
      state.table.set(pathHash, inode: inode, size: size, cmtime: cmtime, chunks: chunks)
      state.newest = max(state.newest ?? 0, cmtime)
    }
  }

  /// Times outside 1970…2038 as items hold them (archives.md section 1).
  private static func clamped(_ nanoseconds: Int64) -> Int64 {
    min(max(nanoseconds, 0), 2_147_310_847_000_000_000)
  }

  /// The number of entries, of this run and of earlier ones.
  public var count: Int {
    state.withLock { state in
      state.finishLoading()
      return state.table.count
    }
  }

  /// The file to save: entries seen in this run that are older than its newest file, and those of other runs that are
  /// younger than `timeToLive` runs.
  func encoded(timeToLive: Int) -> [UInt8] {
    state.withLock { state in
      state.finishLoading()
      return state.table.encoded(timeToLive: timeToLive, newest: state.newest ?? .max)
    }
  }

  /// Waits for a loader that is still at work.
  func settle() {
    state.withLock { $0.finishLoading() }
  }
}
