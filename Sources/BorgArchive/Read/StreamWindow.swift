import BorgFormat

/// The part of an item stream that is being looked at: bytes of consecutive stream chunks, and which chunk each byte
/// came from. Items may begin in one chunk and end in another.
struct StreamWindow {
  private(set) var bytes: [UInt8] = []
  /// Where in `bytes` each chunk's bytes begin, and which of them that is: (chunk, its offset, position here).
  private var pieces: [(chunk: UInt32, offset: UInt32, position: Int)] = []

  /// What real Borg's unpacker holds at most: no item may be longer.
  static let maximumItemLength = 100 << 20

  var isEmpty: Bool { bytes.isEmpty }

  /// Appends a chunk's bytes from `offset` on. Throws `IntegrityError` when an item grows beyond all bounds.
  mutating func append(_ chunk: UnsafeRawBufferPointer, number: UInt32, from offset: Int = 0) throws {
    guard offset < chunk.count else { return }
    guard bytes.count + chunk.count - offset <= StreamWindow.maximumItemLength, let offset32 = UInt32(exactly: offset)
    else { throw IntegrityError("An item's metadata is too long.") }
    pieces.append((number, offset32, bytes.count))
    bytes.append(contentsOf: chunk[offset...])
  }

  /// The location of `length` bytes that begin at `position` of this window.
  func location(at position: Int, length: Int) -> ItemLocation {
    guard let piece = pieces.last(where: { $0.position <= position }) else {
      preconditionFailure("every byte belongs to a piece")
    }
    return ItemLocation(
      firstChunk: piece.chunk, offset: piece.offset + UInt32(position - piece.position), length: UInt32(length))
  }

  /// Forgets the first `count` bytes.
  mutating func consume(_ count: Int) {
    guard count < bytes.count else {
      bytes.removeAll(keepingCapacity: true)
      pieces.removeAll(keepingCapacity: true)
      return
    }
    guard count > 0, let index = pieces.lastIndex(where: { $0.position <= count }) else { return }
    let first = pieces[index]
    pieces.removeFirst(index)
    bytes.removeFirst(count)
    pieces[0] = (first.chunk, first.offset + UInt32(count - first.position), 0)
    for later in pieces.indices.dropFirst() { pieces[later].position -= count }
  }
}
