/// Reads msgpack values one after another from bytes that someone else keeps alive. Every length is checked against
/// what is there before it is used; nesting is bounded. Accepts every encoding of a type (str8, bin, any int width).
public struct MessagePackReader {
  /// How deep arrays and maps may lie in each other for `readValue`. `skipValue` needs no bound.
  public static let maximumDepth = 64

  public let bytes: UnsafeRawBufferPointer
  public private(set) var offset: Int

  public enum Failure: Error, Equatable {
    /// The input ends inside a value: more bytes might complete it.
    case truncated
    /// What stands here is not of the wanted type, or not msgpack at all.
    case malformed(String)
  }

  public init(_ bytes: UnsafeRawBufferPointer, offset: Int = 0) {
    precondition(offset >= 0)
    self.bytes = bytes
    self.offset = offset
  }

  public var isAtEnd: Bool { offset >= bytes.count }

  /// The number of pairs that follow. A foreign number: reserve nothing for it.
  public mutating func readMapHeader() throws(Failure) -> Int {
    let head = try peek()
    switch head {
    case 0x80...0x8f:
      offset += 1
      return Int(head & 0x0f)
    case 0xde: return Int(try readBigEndian(UInt16.self))
    case 0xdf: return Int(try readBigEndian(UInt32.self))
    default: throw .malformed("expected a map, found \(Self.typeName(head))")
    }
  }

  /// The number of elements that follow. A foreign number: reserve nothing for it.
  public mutating func readArrayHeader() throws(Failure) -> Int {
    let head = try peek()
    switch head {
    case 0x90...0x9f:
      offset += 1
      return Int(head & 0x0f)
    case 0xdc: return Int(try readBigEndian(UInt16.self))
    case 0xdd: return Int(try readBigEndian(UInt32.self))
    default: throw .malformed("expected an array, found \(Self.typeName(head))")
    }
  }

  /// Text or bytes; they are one type. The result points into `bytes`.
  public mutating func readRaw() throws(Failure) -> UnsafeRawBufferPointer {
    let head = try peek()
    let start = offset
    let count: Int
    switch head {
    case 0xa0...0xbf:
      offset += 1
      count = Int(head & 0x1f)
    case 0xd9, 0xc4: count = Int(try readBigEndian(UInt8.self))
    case 0xda, 0xc5: count = Int(try readBigEndian(UInt16.self))
    case 0xdb, 0xc6: count = Int(try readBigEndian(UInt32.self))
    default: throw .malformed("expected bytes, found \(Self.typeName(head))")
    }
    guard count <= bytes.count - offset else {
      offset = start
      throw .truncated
    }
    defer { offset += count }
    return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// A copy of what `readRaw` finds.
  public mutating func readBytes() throws(Failure) -> [UInt8] {
    [UInt8](try readRaw())
  }

  /// An id: bytes, exactly 32 of them.
  public mutating func readID() throws(Failure) -> ChunkID {
    let raw = try readRaw()
    guard raw.count == ChunkID.byteCount else { throw .malformed("expected an id of 32 bytes, found \(raw.count)") }
    return ChunkID(loading: raw)
  }

  public mutating func readInt() throws(Failure) -> Int64 {
    switch try readNumber() {
    case .signed(let value): return value
    case .aboveSigned: throw .malformed("integer out of range")
    }
  }

  public mutating func readUInt() throws(Failure) -> UInt64 {
    switch try readNumber() {
    case .signed(let value):
      guard value >= 0 else { throw .malformed("negative integer") }
      return UInt64(value)
    case .aboveSigned(let value): return value
    }
  }

  public mutating func readBool() throws(Failure) -> Bool {
    let head = try peek()
    guard head == 0xc2 || head == 0xc3 else { throw .malformed("expected a bool, found \(Self.typeName(head))") }
    offset += 1
    return head == 0xc3
  }

  /// Consumes a nil when one stands here.
  public mutating func skipNil() throws(Failure) -> Bool {
    guard try peek() == 0xc0 else { return false }
    offset += 1
    return true
  }

  /// Whether text or bytes stand here; consumes nothing.
  public func isRaw() throws(Failure) -> Bool {
    switch try peek() {
    case 0xa0...0xbf, 0xd9...0xdb, 0xc4...0xc6: true
    default: false
    }
  }
}

// MARK: - Whole values

extension MessagePackReader {
  public mutating func skipValue() throws(Failure) {
    var remaining = 1
    while remaining > 0 {
      remaining -= 1
      let (count, overflow) = remaining.addingReportingOverflow(try skipHead())
      guard !overflow else { throw .malformed("too many elements") }
      remaining = count
    }
  }

  public mutating func readValue() throws(Failure) -> MessagePackValue {
    try readValue(depth: 0)
  }

  private mutating func readValue(depth: Int) throws(Failure) -> MessagePackValue {
    guard depth < Self.maximumDepth else { throw .malformed("nested too deeply") }
    let head = try peek()
    switch head {
    case 0xc0:
      offset += 1
      return .null
    case 0xc2, 0xc3: return .bool(try readBool())
    case 0xca: return .float(Double(Float(bitPattern: try readBigEndian(UInt32.self))))
    case 0xcb: return .float(Double(bitPattern: try readBigEndian(UInt64.self)))
    case 0x80...0x8f, 0xde, 0xdf:
      var entries: [MessagePackValue.Entry] = []
      for _ in 0..<(try readMapHeader()) {
        let key = try readValue(depth: depth + 1)
        entries.append(.init(key: key, value: try readValue(depth: depth + 1)))
      }
      return .map(entries)
    case 0x90...0x9f, 0xdc, 0xdd:
      var elements: [MessagePackValue] = []
      for _ in 0..<(try readArrayHeader()) { elements.append(try readValue(depth: depth + 1)) }
      return .array(elements)
    case 0xa0...0xbf, 0xd9...0xdb, 0xc4...0xc6: return .raw(try readBytes())
    default:
      switch try readNumber() {
      case .signed(let value): return .int(value)
      case .aboveSigned(let value): return .uint(value)
      }
    }
  }

  /// Consumes one head with its scalar payload; returns how many values follow that belong to it.
  private mutating func skipHead() throws(Failure) -> Int {
    let head = try peek()
    switch head {
    case 0x80...0x8f, 0xde, 0xdf: return try readMapHeader() * 2
    case 0x90...0x9f, 0xdc, 0xdd: return try readArrayHeader()
    case 0xa0...0xbf, 0xd9...0xdb, 0xc4...0xc6: _ = try readRaw()
    case 0x00...0x7f, 0xe0...0xff, 0xc0, 0xc2, 0xc3: offset += 1
    case 0xcc, 0xd0: try skip(2)
    case 0xcd, 0xd1: try skip(3)
    case 0xce, 0xd2, 0xca: try skip(5)
    case 0xcf, 0xd3, 0xcb: try skip(9)
    case 0xd4...0xd8: try skip(2 + (1 << Int(head - 0xd4)))
    case 0xc7: try skip(1 + Int(try readBigEndian(UInt8.self)))
    case 0xc8: try skip(1 + Int(try readBigEndian(UInt16.self)))
    case 0xc9: try skip(1 + Int(try readBigEndian(UInt32.self)))
    default: throw .malformed("byte 0xc1 is not msgpack")
    }
    return 0
  }

  private mutating func skip(_ count: Int) throws(Failure) {
    guard count <= bytes.count - offset else { throw .truncated }
    offset += count
  }
}

// MARK: - Scalars

extension MessagePackReader {
  enum Number {
    case signed(Int64)
    case aboveSigned(UInt64)
  }

  @inline(__always)
  private func peek() throws(Failure) -> UInt8 {
    guard offset < bytes.count else { throw .truncated }
    return bytes[offset]
  }

  @inline(__always)
  mutating func readNumber() throws(Failure) -> Number {
    let head = try peek()
    switch head {
    case 0x00...0x7f, 0xe0...0xff:
      offset += 1
      return .signed(Int64(Int8(bitPattern: head)))
    case 0xcc: return .signed(Int64(try readBigEndian(UInt8.self)))
    case 0xcd: return .signed(Int64(try readBigEndian(UInt16.self)))
    case 0xce: return .signed(Int64(try readBigEndian(UInt32.self)))
    case 0xcf:
      let value = try readBigEndian(UInt64.self)
      return value <= UInt64(Int64.max) ? .signed(Int64(value)) : .aboveSigned(value)
    case 0xd0: return .signed(Int64(Int8(bitPattern: try readBigEndian(UInt8.self))))
    case 0xd1: return .signed(Int64(Int16(bitPattern: try readBigEndian(UInt16.self))))
    case 0xd2: return .signed(Int64(Int32(bitPattern: try readBigEndian(UInt32.self))))
    case 0xd3: return .signed(Int64(bitPattern: try readBigEndian(UInt64.self)))
    default: throw .malformed("expected an integer, found \(Self.typeName(head))")
    }
  }

  /// The number after the head byte; consumes both.
  @inline(__always)
  private mutating func readBigEndian<T: FixedWidthInteger>(_ type: T.Type) throws(Failure) -> T {
    guard MemoryLayout<T>.size < bytes.count - offset else { throw .truncated }
    let value = T(bigEndian: bytes.loadUnaligned(fromByteOffset: offset + 1, as: T.self))
    offset += 1 + MemoryLayout<T>.size
    return value
  }

  private static func typeName(_ head: UInt8) -> String {
    switch head {
    case 0x80...0x8f, 0xde, 0xdf: "a map"
    case 0x90...0x9f, 0xdc, 0xdd: "an array"
    case 0xa0...0xbf, 0xd9...0xdb, 0xc4...0xc6: "bytes"
    case 0xc0: "nil"
    case 0xc2, 0xc3: "a bool"
    case 0xca, 0xcb: "a float"
    case 0xc7...0xc9, 0xd4...0xd8: "an extension"
    case 0xc1: "byte 0xc1"
    default: "an integer"
    }
  }
}

extension MessagePackReader.Failure {
  /// This failure where no more bytes can come.
  public var formatError: FormatError {
    switch self {
    case .truncated: FormatError("msgpack: data ends too early")
    case .malformed(let text): FormatError("msgpack: \(text)")
    }
  }
}
