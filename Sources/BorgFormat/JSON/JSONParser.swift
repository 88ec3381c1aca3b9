/// Parses one JSON document, as strictly as Python's json module, which also takes NaN and Infinity.
struct JSONParser {
  private static let maximumDepth = 128

  private let bytes: UnsafeRawBufferPointer
  private var offset = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  mutating func document() throws -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard offset == bytes.count else { throw error("text goes on after its end") }
    return value
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth < Self.maximumDepth else { throw error("nested too deeply") }
    skipSpace()
    guard let byte = peek else { throw error("expected a value") }
    switch byte {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "n") where take("null"): return .null
    case UInt8(ascii: "t") where take("true"): return .bool(true)
    case UInt8(ascii: "f") where take("false"): return .bool(false)
    case UInt8(ascii: "N") where take("NaN"): return .double(.nan)
    case UInt8(ascii: "I") where take("Infinity"): return .double(.infinity)
    case UInt8(ascii: "-") where take("-Infinity"): return .double(-.infinity)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: throw error("expected a value")
    }
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    var members: [(key: String, value: JSONValue)] = []
    try list(closing: UInt8(ascii: "}")) { parser in
      parser.skipSpace()
      guard parser.peek == UInt8(ascii: "\"") else { throw parser.error("expected a key") }
      let key = try parser.string()
      parser.skipSpace()
      guard parser.take(":") else { throw parser.error("expected a colon") }
      members.append((key, try parser.value(depth: depth + 1)))
    }
    return .object(members)
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    var elements: [JSONValue] = []
    try list(closing: UInt8(ascii: "]")) { elements.append(try $0.value(depth: depth + 1)) }
    return .array(elements)
  }

  /// The elements between an opening bracket, which stands here, and `closing`.
  private mutating func list(closing: UInt8, element: (inout JSONParser) throws -> Void) throws {
    offset += 1
    skipSpace()
    if peek == closing {
      offset += 1
      return
    }
    while true {
      try element(&self)
      skipSpace()
      guard let next = peek, next == closing || next == UInt8(ascii: ",") else { throw error("expected a comma") }
      offset += 1
      if next == closing { return }
    }
  }

  private mutating func string() throws -> String {
    offset += 1
    var text: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text.append(contentsOf: String(Character(try escape())).utf8)
      case 0..<0x20: throw error("control character in a string")
      default:
        text.append(byte)
        offset += 1
      }
    }
    throw error("string without an end")
  }

  private mutating func escape() throws -> Unicode.Scalar {
    offset += 1
    guard let letter = peek else { throw error("string without an end") }
    offset += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw error("unknown escape")
    }
  }

  /// A half of a surrogate pair that stands alone becomes U+FFFD: Swift's text cannot hold it.
  private mutating func unicodeEscape() throws -> Unicode.Scalar {
    let high = try hexUnit()
    guard (0xd800...0xdbff).contains(high) else { return Unicode.Scalar(high) ?? "\u{fffd}" }
    let start = offset
    guard take("\\u"), let low = try? hexUnit(), (0xdc00...0xdfff).contains(low) else {
      offset = start
      return "\u{fffd}"
    }
    return Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00)) ?? "\u{fffd}"
  }

  private mutating func hexUnit() throws -> UInt32 {
    guard bytes.count - offset >= 4 else { throw error("short escape") }
    let digits = String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    guard let unit = Hex.decode(digits) else { throw error("escape without hex digits") }
    offset += 4
    return UInt32(unit[0]) << 8 | UInt32(unit[1])
  }

  private mutating func number() throws -> JSONValue {
    let start = offset
    _ = take("-")
    guard take("0") || skipDigits() else { throw error("expected a digit") }
    var isInteger = true
    if take(".") {
      isInteger = false
      guard skipDigits() else { throw error("expected a digit") }
    }
    if take("e") || take("E") {
      isInteger = false
      _ = take("+") || take("-")
      guard skipDigits() else { throw error("expected a digit") }
    }
    let text = String(decoding: bytes[start..<offset], as: UTF8.self)
    if isInteger, let value = Int64(text) { return .int(value) }
    guard let value = Double(text) else { throw error("number out of range") }
    return .double(value)
  }

  private mutating func skipDigits() -> Bool {
    let start = offset
    while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { offset += 1 }
    return offset > start
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || (0x09...0x0a).contains(byte) || byte == 0x0d { offset += 1 }
  }

  private var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func take(_ text: StaticString) -> Bool {
    let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard bytes[offset...].starts(with: wanted) else { return false }
    offset += wanted.count
    return true
  }

  private func error(_ text: String) -> FormatError { FormatError("JSON: \(text) at byte \(offset)") }
}
