/// Python's format specification for text and integers: `[[fill]align][sign][#][0][width][,][.precision][type]`.
public struct FormatSpec: Sendable, Equatable {
  enum Alignment: UInt8, Sendable {
    case left = 0x3c
    case right = 0x3e
    case center = 0x5e
    case afterSign = 0x3d
  }

  /// Nobody wants more columns; it keeps a spec from taking all memory.
  private static let maximumWidth = 1_000_000

  private var fill = [UInt8(ascii: " ")]
  private var alignment: Alignment?
  private var sign: UInt8?
  private var showsPrefix = false
  private var padsWithZeros = false
  private var width = 0
  private var grouping: UInt8?
  private var precision: Int?
  private var type: UInt8?

  /// Throws `FormatError` in the words of Python's ValueError.
  public init(parsing spec: [UInt8]) throws {
    var rest = spec[...]
    readAlignment(&rest)
    if let first = rest.first, Array("+- ".utf8).contains(first) { sign = rest.removeFirst() }
    if rest.first == UInt8(ascii: "#") {
      showsPrefix = true
      rest.removeFirst()
    }
    if rest.first == UInt8(ascii: "0") {
      padsWithZeros = true
      rest.removeFirst()
    }
    width = try Self.number(&rest) ?? 0
    if let first = rest.first, first == UInt8(ascii: ",") || first == UInt8(ascii: "_") {
      grouping = rest.removeFirst()
    }
    if rest.first == UInt8(ascii: ".") {
      rest.removeFirst()
      guard let digits = try Self.number(&rest) else { throw FormatError("Format specifier missing precision") }
      precision = digits
    }
    type = rest.popFirst()
    guard rest.isEmpty else { throw FormatError("Invalid format specifier") }
  }

  private mutating func readAlignment(_ rest: inout ArraySlice<UInt8>) {
    let first = Array(rest).withUnsafeBytes { $0.isEmpty ? 0 : max(1, UTF8Sequence.length($0, at: 0)) }
    if first > 0, rest.count > first, let alignment = Alignment(rawValue: rest[rest.startIndex + first]) {
      fill = Array(rest.prefix(first))
      self.alignment = alignment
      rest.removeFirst(first + 1)
    } else if let alignment = rest.first.flatMap({ Alignment(rawValue: $0) }) {
      self.alignment = alignment
      rest.removeFirst()
    }
  }

  private static func number(_ rest: inout ArraySlice<UInt8>) throws -> Int? {
    let digits = rest.prefix { (0x30...0x39).contains($0) }
    rest.removeFirst(digits.count)
    guard !digits.isEmpty else { return nil }
    guard let number = Int(String(decoding: digits, as: UTF8.self)), number <= maximumWidth else {
      throw FormatError("Too many decimal digits in format string")
    }
    return number
  }
}

// MARK: - Text

extension FormatSpec {
  /// Width and precision count characters; a byte that is no UTF-8 is one.
  public func text(_ value: [UInt8]) throws -> [UInt8] {
    guard type == nil || type == UInt8(ascii: "s") else { throw unknownType(of: "str") }
    guard sign == nil else { throw FormatError("Sign not allowed in string format specifier") }
    guard !showsPrefix else { throw FormatError("Alternate form (#) not allowed in string format specifier") }
    guard alignment != .afterSign else { throw FormatError("'=' alignment not allowed in string format specifier") }
    guard grouping == nil else { throw FormatError("Cannot specify ',' with 's'.") }
    var characters = UTF8Sequence.characters(value)
    var value = value
    if let precision, characters.count > precision {
      characters.removeLast(characters.count - precision)
      value = UTF8Sequence.bytes(characters)
    }
    let fill = padsWithZeros && alignment == nil ? [UInt8(ascii: "0")] : fill
    return padded(value, count: characters.count, fill, alignment ?? .left)
  }

  private func unknownType(of object: String) -> FormatError {
    FormatError("Unknown format code '\(displayText(type.map { [$0] } ?? []))' for object of type '\(object)'")
  }

  private func padded(_ value: [UInt8], count: Int, _ fill: [UInt8], _ alignment: Alignment) -> [UInt8] {
    let missing = max(0, width - count)
    let before =
      switch alignment {
      case .left: 0
      case .right, .afterSign: missing
      case .center: missing / 2
      }
    return Self.repeated(fill, before) + value + Self.repeated(fill, missing - before)
  }

  private static func repeated(_ fill: [UInt8], _ count: Int) -> [UInt8] {
    Array([[UInt8]](repeating: fill, count: count).joined())
  }
}

// MARK: - Integers

extension FormatSpec {
  /// Types d, n, b, o, x and X; those for floating point numbers throw.
  public func integer(_ value: Int64) throws -> [UInt8] {
    guard precision == nil else { throw FormatError("Precision not allowed in integer format specifier") }
    let (radix, prefix, groupSize) = try base()
    var digits = Array(String(value.magnitude, radix: radix, uppercase: type == UInt8(ascii: "X")).utf8)
    if let grouping { digits = Self.grouped(digits, grouping, size: groupSize) }
    var head = value < 0 ? [UInt8(ascii: "-")] : sign == nil || sign == UInt8(ascii: "-") ? [] : [sign ?? 0]
    if showsPrefix { head += Array(prefix.utf8) }
    let count = head.count + digits.count
    let alignment = alignment ?? (padsWithZeros ? .afterSign : .right)
    let fill = padsWithZeros && self.alignment == nil ? [UInt8(ascii: "0")] : fill
    if alignment == .afterSign { return head + Self.repeated(fill, max(0, width - count)) + digits }
    return padded(head + digits, count: count, fill, alignment)
  }

  private func base() throws -> (radix: Int, prefix: String, groupSize: Int) {
    switch type {
    case nil, UInt8(ascii: "d"), UInt8(ascii: "n"): return (10, "", 3)
    case UInt8(ascii: "b"): return (2, "0b", 4)
    case UInt8(ascii: "o"): return (8, "0o", 4)
    case UInt8(ascii: "x"): return (16, "0x", 4)
    case UInt8(ascii: "X"): return (16, "0X", 4)
    default: throw unknownType(of: "int")
    }
  }

  private static func grouped(_ digits: [UInt8], _ separator: UInt8, size: Int) -> [UInt8] {
    var grouped: [UInt8] = []
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: size) { grouped.append(separator) }
      grouped.append(digit)
    }
    return grouped
  }
}
