/// Appends msgpack in Borg's old dialect: raw16/raw32, never str8 or bin; integers in their shortest form.
public struct MessagePackWriter {
  public var bytes: [UInt8] = []

  public init() {}

  public mutating func writeMapHeader(_ count: Int) {
    writeHeader(count, fixed: 0x80, limit: 16, wide: 0xde)
  }

  public mutating func writeArrayHeader(_ count: Int) {
    writeHeader(count, fixed: 0x90, limit: 16, wide: 0xdc)
  }

  public mutating func writeRaw(_ raw: [UInt8]) {
    writeHeader(raw.count, fixed: 0xa0, limit: 32, wide: 0xda)
    bytes.append(contentsOf: raw)
  }

  public mutating func writeRaw(_ raw: UnsafeRawBufferPointer) {
    writeHeader(raw.count, fixed: 0xa0, limit: 32, wide: 0xda)
    bytes.append(contentsOf: raw)
  }

  public mutating func writeRaw(_ text: StaticString) {
    writeHeader(text.utf8CodeUnitCount, fixed: 0xa0, limit: 32, wide: 0xda)
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// What stands before `count` bytes that are written elsewhere.
  public mutating func writeRawHeader(_ count: Int) {
    writeHeader(count, fixed: 0xa0, limit: 32, wide: 0xda)
  }

  public mutating func writeID(_ id: ChunkID) {
    withUnsafeTemporaryAllocation(byteCount: 3 + ChunkID.byteCount, alignment: 1) { buffer in
      buffer[0] = 0xda
      buffer[1] = 0
      buffer[2] = UInt8(ChunkID.byteCount)
      id.store(into: UnsafeMutableRawBufferPointer(rebasing: buffer[3...]))
      bytes.append(contentsOf: buffer)
    }
  }

  public mutating func writeInt(_ value: Int64) {
    switch value {
    case 0...: writeUInt(UInt64(value))
    case -32...(-1): bytes.append(UInt8(bitPattern: Int8(value)))
    case -128...(-33): append(0xd0, UInt8(bitPattern: Int8(value)))
    case -32_768...(-129): append(0xd1, Int16(value))
    case -2_147_483_648...(-32_769): append(0xd2, Int32(value))
    default: append(0xd3, value)
    }
  }

  public mutating func writeUInt(_ value: UInt64) {
    switch value {
    case ...0x7f: bytes.append(UInt8(value))
    case ...0xff: append(0xcc, UInt8(value))
    case ...0xffff: append(0xcd, UInt16(value))
    case ...0xffff_ffff: append(0xce, UInt32(value))
    default: append(0xcf, value)
    }
  }

  public mutating func writeBool(_ value: Bool) { bytes.append(value ? 0xc3 : 0xc2) }

  public mutating func writeNil() { bytes.append(0xc0) }

  /// Maps are written in the order they hold.
  public mutating func write(_ value: MessagePackValue) {
    switch value {
    case .null: writeNil()
    case .bool(let value): writeBool(value)
    case .int(let value): writeInt(value)
    case .uint(let value): writeUInt(value)
    case .float(let value): append(0xcb, value.bitPattern)
    case .raw(let value): writeRaw(value)
    case .array(let elements):
      writeArrayHeader(elements.count)
      for element in elements { write(element) }
    case .map(let entries):
      writeMapHeader(entries.count)
      for entry in entries {
        write(entry.key)
        write(entry.value)
      }
    }
  }

  /// `wide` is the head before 16 bits of count, the next one that before 32.
  @inline(__always)
  private mutating func writeHeader(_ count: Int, fixed: UInt8, limit: Int, wide: UInt8) {
    precondition(count <= Int(UInt32.max))
    if count < limit {
      bytes.append(fixed | UInt8(count))
    } else if count <= 0xffff {
      append(wide, UInt16(count))
    } else {
      append(wide + 1, UInt32(count))
    }
  }

  @inline(__always)
  private mutating func append<T: FixedWidthInteger>(_ head: UInt8, _ number: T) {
    bytes.append(head)
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }
}
