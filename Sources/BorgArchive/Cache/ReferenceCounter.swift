import BorgFormat

/// Counts the chunk references in one archive's item stream (caches.md section 5). Items may reach over any number of
/// stream chunks.
struct ReferenceCounter {
  /// The bytes of an item that is not complete yet.
  private var rest: [UInt8] = []
  /// A long item is looked at again only when twice as much of it is there, not with every stream chunk.
  private var nextAttempt = 0

  /// Takes the stream's next chunk. Throws `FormatError` when it holds what is no item.
  mutating func feed(_ chunk: [UInt8], into index: inout HashIndex) throws {
    guard !rest.isEmpty else { return try count(chunk, into: &index) }
    rest += chunk
    guard rest.count >= nextAttempt else { return }
    let bytes = rest
    rest.removeAll(keepingCapacity: false)
    try count(bytes, into: &index)
  }

  /// The stream's end. An item that is cut off there is left out, as Borg does.
  mutating func finish(into index: inout HashIndex) throws {
    let bytes = rest
    rest = []
    try count(bytes, into: &index)
  }

  private mutating func count(_ bytes: [UInt8], into index: inout HashIndex) throws {
    let used = try bytes.withUnsafeBytes { bytes in
      var offset = 0
      while offset < bytes.count {
        let left = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        guard let length = try ItemCodec.forEachChunk(left, { Self.add($0, to: &index) }) else { break }
        offset += length
      }
      return offset
    }
    rest = used == 0 ? bytes : Array(bytes[used...])
    nextAttempt = rest.count * 2
  }

  /// One reference more; the sizes are those of the first reference seen.
  private static func add(_ chunk: ChunkListEntry, to index: inout HashIndex) {
    if index.addToFirst(chunk.id, 1) != nil { return }
    index.set(chunk.id, (1, chunk.size, chunk.storedSize))
  }
}
