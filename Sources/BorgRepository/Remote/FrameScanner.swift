import BorgFormat

/// Finds where one msgpack value ends while its bytes are still coming, looking at each head once.
struct FrameScanner {
  /// Far above the longest list that anybody asks for at once.
  static let maximumValues = 1 << 20
  private static let usualValues = 1024

  /// So many bytes a value takes at least on average, beside the usual fields of a message; 0: whatever it takes.
  let bytesPerValue: Int

  init(bytesPerValue: Int = 0) { self.bytesPerValue = bytesPerValue }

  private var offset = 0
  private var found = 0
  /// Values that are still to come for the outermost one to be whole.
  private var missing = 1

  /// `frame` begins where the value does, and has grown since the last call. The value's size, or nil when it is not
  /// whole yet. Throws for what cannot become whole within `FrameBuffer.maximumBytes`.
  mutating func scan(_ frame: UnsafeRawBufferPointer) throws(MessagePackReader.Failure) -> Int? {
    while missing > 0 {
      guard offset < frame.count else { return nil }
      guard let head = try head(frame) else { return nil }
      let end = offset + head.size
      guard end <= FrameBuffer.maximumBytes else { throw .malformed("value too long") }
      guard end <= frame.count else { return nil }
      offset = end
      missing += head.children - 1
      found += 1
      guard missing <= FrameBuffer.maximumBytes - offset, found + missing <= FrameScanner.maximumValues else {
        throw .malformed("too many elements")
      }
    }
    guard bytesPerValue == 0 || found - FrameScanner.usualValues <= offset / bytesPerValue else {
      throw .malformed("too many elements for their size")
    }
    return offset
  }

  /// The bytes of the value that begins at `offset`, and how many values follow that belong to it; nil while its head
  /// is not whole.
  private func head(
    _ frame: UnsafeRawBufferPointer
  ) throws(MessagePackReader.Failure) -> (size: Int, children: Int)? {
    let byte = frame[offset]
    switch byte {
    case 0x00...0x7f, 0xe0...0xff, 0xc0, 0xc2, 0xc3: return (1, 0)
    case 0x80...0x8f: return (1, 2 * Int(byte & 0x0f))
    case 0x90...0x9f: return (1, Int(byte & 0x0f))
    case 0xa0...0xbf: return (1 + Int(byte & 0x1f), 0)
    case 0xcc, 0xd0: return (2, 0)
    case 0xcd, 0xd1: return (3, 0)
    case 0xca, 0xce, 0xd2: return (5, 0)
    case 0xcb, 0xcf, 0xd3: return (9, 0)
    case 0xc4, 0xd9: return number(UInt8.self, frame).map { (2 + $0, 0) }
    case 0xc5, 0xda: return number(UInt16.self, frame).map { (3 + $0, 0) }
    case 0xc6, 0xdb: return number(UInt32.self, frame).map { (5 + $0, 0) }
    case 0xdc: return number(UInt16.self, frame).map { (3, $0) }
    case 0xdd: return number(UInt32.self, frame).map { (5, $0) }
    case 0xde: return number(UInt16.self, frame).map { (3, 2 * $0) }
    case 0xdf: return number(UInt32.self, frame).map { (5, 2 * $0) }
    default: throw .malformed("no value of Borg's")
    }
  }

  private func number<T: FixedWidthInteger>(_ type: T.Type, _ frame: UnsafeRawBufferPointer) -> Int? {
    guard frame.count - offset > MemoryLayout<T>.size else { return nil }
    return Int(T(bigEndian: frame.loadUnaligned(fromByteOffset: offset + 1, as: T.self)))
  }
}
