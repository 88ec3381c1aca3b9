import BorgFormat
import BorgObjects

/// Packs items into the item stream and cuts it into chunks (chunks.md 2.3). The cuts are those of the whole stream at
/// once, however it is buffered.
struct ItemPacker {
  /// So much is gathered before it is cut.
  private static let enough = 2 << 20

  private var buffer: [UInt8] = []
  private let chunker: BuzHashChunker

  init(seed: Int32) {
    chunker = BuzHashChunker(.itemStream, seed: seed)
    buffer.reserveCapacity(ItemPacker.enough + (64 << 10))
  }

  mutating func add(_ item: Item) {
    ItemCodec.encode(item, into: &buffer)
  }

  /// Adds an item, or the end of one, that is packed already.
  mutating func add(packed bytes: some Sequence<UInt8>) {
    buffer.append(contentsOf: bytes)
  }

  var isFull: Bool { buffer.count >= ItemPacker.enough }

  /// Hands out all chunks that are complete, with `isEnd` all that is there; the rest stays.
  mutating func drain(isEnd: Bool, _ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
    let done = try buffer.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count,
        let cut = chunker.firstCut(UnsafeRawBufferPointer(rebasing: bytes[start...]), isEnd: isEnd)
      {
        try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + cut]))
        start += cut
      }
      return start
    }
    buffer.removeSubrange(0..<done)
  }
}
