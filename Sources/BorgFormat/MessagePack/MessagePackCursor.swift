/// Writes packed values one after the other into memory of a known size: `MessagePackWriter` for where it is hot.
/// Writing beyond the end is our own mistake and stops the program.
struct MessagePackCursor {
  private let memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  init(_ memory: UnsafeMutableRawBufferPointer) {
    self.memory = memory
  }

  /// Makes room for `size` more bytes; returns where they begin.
  @inline(__always)
  private mutating func claim(_ size: Int) -> UnsafeMutableRawPointer {
    guard size <= memory.count - count, let base = memory.baseAddress else { preconditionFailure("no room left") }
    defer { count += size }
    return base + count
  }

  /// At most 15 entries take one byte.
  @inline(__always)
  mutating func writeMapHeader(_ count: Int) { writeHeader(count, fixed: 0x80, limit: 16, wide: 0xde) }

  @inline(__always)
  mutating func writeArrayHeader(_ count: Int) { writeHeader(count, fixed: 0x90, limit: 16, wide: 0xdc) }

  /// A key of fewer than 32 bytes.
  @inline(__always)
  mutating func writeKey(_ key: StaticString) {
    let size = key.utf8CodeUnitCount
    let target = claim(1 + size)
    target.storeBytes(of: 0xa0 | UInt8(truncatingIfNeeded: size), as: UInt8.self)
    (target + 1).copyMemory(from: key.utf8Start, byteCount: size)
  }

  @inline(__always)
  mutating func writeRaw(_ raw: [UInt8]) {
    writeHeader(raw.count, fixed: 0xa0, limit: 32, wide: 0xda)
    let target = claim(raw.count)
    raw.withUnsafeBytes { bytes in
      if let source = bytes.baseAddress { target.copyMemory(from: source, byteCount: bytes.count) }
    }
  }

  @inline(__always)
  mutating func writeID(_ id: ChunkID) {
    let target = claim(3 + ChunkID.byteCount)
    target.storeBytes(of: 0xda, as: UInt8.self)
    (target + 1).storeBytes(of: UInt16(ChunkID.byteCount).bigEndian, as: UInt16.self)
    id.store(into: UnsafeMutableRawBufferPointer(start: target + 3, count: ChunkID.byteCount))
  }

  @inline(__always)
  mutating func writeBool(_ value: Bool) { writeByte(value ? 0xc3 : 0xc2) }

  @inline(__always)
  mutating func writeNil() { writeByte(0xc0) }

  mutating func writeInt(_ value: Int64) {
    switch value {
    case 0...: writeUInt(UInt64(value))
    case -32...(-1): writeByte(UInt8(bitPattern: Int8(value)))
    case -128...(-33): write(0xd0, Int8(value))
    case -32_768...(-129): write(0xd1, Int16(value))
    case -2_147_483_648...(-32_769): write(0xd2, Int32(value))
    default: write(0xd3, value)
    }
  }

  mutating func writeUInt(_ value: UInt64) {
    switch value {
    case ...0x7f: writeByte(UInt8(value))
    case ...0xff: write(0xcc, UInt8(value))
    case ...0xffff: write(0xcd, UInt16(value))
    case ...0xffff_ffff: write(0xce, UInt32(value))
    default: write(0xcf, value)
    }
  }

  /// `wide` is the head before 16 bits of count, the next one that before 32.
  @inline(__always)
  private mutating func writeHeader(_ count: Int, fixed: UInt8, limit: Int, wide: UInt8) {
    precondition(count <= Int(UInt32.max))
    if count < limit {
      writeByte(fixed | UInt8(count))
    } else if count <= 0xffff {
      write(wide, UInt16(count))
    } else {
      write(wide + 1, UInt32(count))
    }
  }

  @inline(__always)
  private mutating func writeByte(_ byte: UInt8) { claim(1).storeBytes(of: byte, as: UInt8.self) }

  @inline(__always)
  private mutating func write<T: FixedWidthInteger>(_ head: UInt8, _ number: T) {
    let target = claim(1 + MemoryLayout<T>.size)
    target.storeBytes(of: head, as: UInt8.self)
    (target + 1).storeBytes(of: number.bigEndian, as: T.self)
  }
}
