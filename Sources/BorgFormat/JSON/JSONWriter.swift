/// Writes JSON byte for byte as Python's `json.dumps` does.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private let indent: [UInt8]?
  private let sortedKeys: Bool

  init(indent: String?, sortedKeys: Bool) {
    self.indent = indent.map { Array($0.utf8) }
    self.sortedKeys = sortedKeys
  }

  mutating func write(_ value: JSONValue, depth: Int) {
    switch value {
    case .null: write("null")
    case .bool(let value): write(value ? "true" : "false")
    case .int(let value): bytes.append(contentsOf: String(value).utf8)
    case .double(let value): bytes.append(contentsOf: PythonFloat.repr(value, infinity: "Infinity", nan: "NaN").utf8)
    case .string(let value): write(string: value)
    case .array(let elements):
      writeList(elements, between: (0x5b, 0x5d), depth: depth) { $0.write($1, depth: depth + 1) }
    case .object(let members):
      writeList(sorted(members), between: (0x7b, 0x7d), depth: depth) { writer, member in
        writer.write(string: member.key)
        writer.write(": ")
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private func sorted(_ members: [(key: String, value: JSONValue)]) -> [(key: String, value: JSONValue)] {
    guard sortedKeys else { return members }
    return members.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
  }

  private mutating func writeList<Element>(
    _ elements: [Element], between brackets: (UInt8, UInt8), depth: Int,
    _ writeElement: (inout JSONWriter, Element) -> Void
  ) {
    bytes.append(brackets.0)
    for (index, element) in elements.enumerated() {
      if index > 0 { write(indent == nil ? ", " : ",") }
      writeLineBreak(depth: depth + 1)
      writeElement(&self, element)
    }
    if !elements.isEmpty { writeLineBreak(depth: depth) }
    bytes.append(brackets.1)
  }

  private mutating func writeLineBreak(depth: Int) {
    guard let indent else { return }
    bytes.append(0x0a)
    for _ in 0..<depth { bytes.append(contentsOf: indent) }
  }

  private mutating func write(string: String) {
    bytes.append(0x22)
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": write("\\\"")
      case "\\": write("\\\\")
      case "\n": write("\\n")
      case "\r": write("\\r")
      case "\t": write("\\t")
      case "\u{8}": write("\\b")
      case "\u{c}": write("\\f")
      case " "..."~": bytes.append(UInt8(truncatingIfNeeded: scalar.value))
      default: for unit in scalar.utf16 { write(escaped: unit) }
      }
    }
    bytes.append(0x22)
  }

  private mutating func write(escaped unit: UInt16) {
    write("\\u")
    bytes.append(contentsOf: Hex.encode([UInt8(unit >> 8), UInt8(unit & 0xff)]).utf8)
  }

  private mutating func write(_ text: StaticString) {
    bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}

/// Floating point numbers as Python's `repr` writes them.
public enum PythonFloat {
  public static func repr(_ value: Double) -> String { repr(value, infinity: "inf", nan: "nan") }

  static func repr(_ value: Double, infinity: String, nan: String) -> String {
    guard !value.isNaN else { return nan }
    guard value.isFinite else { return value < 0 ? "-\(infinity)" : infinity }
    let sign = value.sign == .minus ? "-" : ""
    let (digits, point) = decimal(value.magnitude)
    guard point > -4, point <= 16 else { return sign + scientific(digits, exponent: point - 1) }
    return sign + positional(digits, point: point)
  }

  /// The shortest digits that give back `value`, without zeros at either end, and where the decimal point is in them.
  private static func decimal(_ value: Double) -> (digits: [UInt8], point: Int) {
    let parts = value.description.utf8.split(separator: UInt8(ascii: "e"))
    let mantissa = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    var point = mantissa[0].count
    if parts.count > 1 { point += Int(String(decoding: parts[1], as: UTF8.self)) ?? 0 }
    var digits = Array(mantissa.joined())
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeFirst(zeros)
    return digits.isEmpty ? ([UInt8(ascii: "0")], 1) : (digits, point - zeros)
  }

  private static func scientific(_ digits: [UInt8], exponent: Int) -> String {
    let magnitude = String(exponent.magnitude)
    let fraction = digits.count > 1 ? "." + String(decoding: digits[1...], as: UTF8.self) : ""
    let first = String(decoding: digits[..<1], as: UTF8.self)
    return first + fraction + (exponent < 0 ? "e-" : "e+") + (magnitude.utf8.count < 2 ? "0" : "") + magnitude
  }

  private static func positional(_ digits: [UInt8], point: Int) -> String {
    let text = String(decoding: digits, as: UTF8.self)
    if point <= 0 { return "0." + String(repeating: "0", count: -point) + text }
    if point >= digits.count { return text + String(repeating: "0", count: point - digits.count) + ".0" }
    return String(decoding: digits[..<point], as: UTF8.self) + "." + String(decoding: digits[point...], as: UTF8.self)
  }
}
