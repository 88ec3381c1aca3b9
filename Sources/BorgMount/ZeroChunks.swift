import BorgFormat
import BorgObjects
import Synchronization

/// Recognises chunks that hold nothing but zeros by their id, without reading them: what became of a file's holes.
final class ZeroChunks: Sendable {
  private let key: Key
  /// By their size.
  private let ids = Mutex<[UInt32: ChunkID]>([:])

  private static let largest: UInt32 = 32 << 20
  private static let maximumCount = 1024

  init(key: Key) { self.key = key }

  /// Only sizes that holes are cut into are looked at, and what is left of a hole at the end of a file: making an id
  /// takes as long as reading the chunk would.
  func contains(_ chunk: ChunkListEntry, isLast: Bool) -> Bool {
    guard chunk.size > 0, chunk.size <= ZeroChunks.largest else { return false }
    guard isLast || chunk.size.isMultiple(of: 64 << 10) else { return false }
    return id(size: chunk.size) == chunk.id
  }

  private func id(size: UInt32) -> ChunkID {
    if let known = ids.withLock({ $0[size] }) { return known }
    let id = [UInt8](repeating: 0, count: Int(size)).withUnsafeBytes { key.id(of: $0) }
    ids.withLock { ids in
      if ids.count >= ZeroChunks.maximumCount { ids.removeAll() }
      ids[size] = id
    }
    return id
  }
}
