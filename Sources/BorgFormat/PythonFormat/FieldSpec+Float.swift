/// Integers in the formats of floating point numbers: `e`, `f`, `g` and `%`.
extension FieldSpec {
  var isFloat: Bool { type.map { "eEfFgG%".utf8.contains($0) } ?? false }

  /// Python makes a Double of the integer first; its digits are exact from there.
  func floatDigits(of value: UInt64, room: Int) -> [UInt8] {
    let precision = min(precision ?? 6, Self.longestFraction)
    let exact = UInt64(exactly: Double(value)) ?? value
    switch type {
    case UInt8(ascii: "e"), UInt8(ascii: "E"):
      return scientific(Self.rounded(exact, to: precision + 1), fraction: precision)
    case UInt8(ascii: "g"), UInt8(ascii: "G"): return general(exact, max(1, precision), room: room)
    case UInt8(ascii: "%"):
      let (hundreds, overflow) = exact.multipliedReportingOverflow(by: 100)
      let digits = overflow ? Array(String(exact).utf8) + [0x30, 0x30] : Array(String(hundreds).utf8)
      let tail = fraction(precision) + [UInt8(ascii: "%")]
      return grouped(digits, size: 3, room: room - tail.count) + tail
    default:
      let tail = fraction(precision)
      return grouped(Array(String(exact).utf8), size: 3, room: room - tail.count) + tail
    }
  }

  /// More digits after the point than anybody reads; it bounds the memory.
  private static let longestFraction = 1000

  private func fraction(_ count: Int) -> [UInt8] {
    count > 0 ? [UInt8(ascii: ".")] + [UInt8](repeating: UInt8(ascii: "0"), count: count) : isAlternate ? [0x2e] : []
  }

  /// The leading `count` digits, halves to even, and the power of ten of the first one.
  private static func rounded(_ value: UInt64, to count: Int) -> (digits: [UInt8], exponent: Int) {
    var digits = Array(String(value).utf8)
    var exponent = digits.count - 1
    if digits.count <= count { return (digits, exponent) }
    let rest = digits[count...]
    let half = [UInt8(ascii: "5")] + [UInt8](repeating: UInt8(ascii: "0"), count: rest.count - 1)
    digits = Array(digits[..<count])
    let isAbove = half.lexicographicallyPrecedes(rest)
    let isTie = rest.elementsEqual(half)
    guard isAbove || isTie && digits[count - 1] % 2 == 1 else { return (digits, exponent) }
    var index = count - 1
    while index >= 0, digits[index] == UInt8(ascii: "9") {
      digits[index] = UInt8(ascii: "0")
      index -= 1
    }
    if index >= 0 {
      digits[index] += 1
    } else {
      digits = [UInt8(ascii: "1")] + digits.dropLast()
      exponent += 1
    }
    return (digits, exponent)
  }

  private func scientific(_ value: (digits: [UInt8], exponent: Int), fraction: Int) -> [UInt8] {
    var text = [value.digits[0]]
    if fraction > 0 || isAlternate { text.append(UInt8(ascii: ".")) }
    let tail = value.digits.dropFirst().prefix(fraction)
    text += tail
    text += [UInt8](repeating: UInt8(ascii: "0"), count: fraction - tail.count)
    let isUpper = type == UInt8(ascii: "E") || type == UInt8(ascii: "G")
    text.append(UInt8(ascii: isUpper ? "E" : "e"))
    return text + Array((value.exponent < 10 ? "+0\(value.exponent)" : "+\(value.exponent)").utf8)
  }

  private func general(_ value: UInt64, _ precision: Int, room: Int) -> [UInt8] {
    let (digits, exponent) = Self.rounded(value, to: precision)
    guard exponent >= precision else { return grouped(Array(String(value).utf8), size: 3, room: room) }
    let significant = digits.count - digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
    return scientific((digits, exponent), fraction: max(0, significant - 1))
  }
}
