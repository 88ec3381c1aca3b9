import BorgFormat
import BorgObjects
import Synchronization

/// Recognises chunks that hold nothing but zeros by their id, without reading them: what became of a file's holes.
final class ZeroChunks: Sendable {
  private let key: Key
  private let known = Mutex(Known())

  private struct Known {
    /// By their size.
    var ids: [UInt32: ChunkID] = [:]
    var hashedBytes = 0

    /// The id; `isNew`: it is to be made now.
    mutating func id(size: UInt32) -> (id: ChunkID?, isNew: Bool) {
      if let id = ids[size] { return (id, false) }
      guard size <= ZeroChunks.largest, ids.count < ZeroChunks.maximumCount, hashedBytes < ZeroChunks.maximumHashedBytes
      else { return (nil, false) }
      hashedBytes += Int(size)
      return (nil, true)
    }
  }

  private static let largest: UInt32 = 32 << 20
  // Making an id takes as long as reading the chunk would. Beyond these, chunks of further sizes count as data, so that
  // no archive can keep a mount busy.
  private static let maximumCount = 4096
  private static let maximumHashedBytes = 4 << 30

  init(key: Key) { self.key = key }

  /// Whether a chunk of a file is part of a hole. What is left of a hole at the end of a file may have any size.
  func isHole(_ index: Int, of chunks: [ChunkListEntry]) -> Bool {
    if chunks[index].mayBeHole { return contains(chunks[index]) }
    let isEnd = index > 0 && index == chunks.count - 1 && chunks[index].size > 0
    return isEnd && chunks[index - 1].mayBeHole && contains(chunks[index - 1]) && contains(chunks[index])
  }

  /// How many of a file's bytes are in holes.
  func holeBytes(of chunks: [ChunkListEntry]) -> Int64 {
    chunks.indices.reduce(0) { isHole($1, of: chunks) ? $0 + Int64(chunks[$1].size) : $0 }
  }

  private func contains(_ chunk: ChunkListEntry) -> Bool { id(size: chunk.size) == chunk.id }

  /// Nil: it is not worth making.
  private func id(size: UInt32) -> ChunkID? {
    let (id, isNew) = known.withLock { $0.id(size: size) }
    guard id == nil, isNew else { return id }
    let made = [UInt8](repeating: 0, count: Int(size)).withUnsafeBytes { key.id(of: $0) }
    known.withLock { $0.ids[size] = made }
    return made
  }
}
