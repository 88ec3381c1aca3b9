/// Values to bytes.
extension FieldSpec {
  /// Appends text for people: bytes that are no UTF-8 become `?`. Widths count characters.
  public func append(text: [UInt8], to output: inout [UInt8]) {
    text.withUnsafeBytes { append(text: $0, raw: false, to: &output) }
  }

  /// Appends bytes as they are; in widths a byte that is no UTF-8 counts as a character.
  public func append(raw bytes: [UInt8], to output: inout [UInt8]) {
    bytes.withUnsafeBytes { append(text: $0, raw: true, to: &output) }
  }

  public func append(integer value: Int64, to output: inout [UInt8]) {
    if isPlainDecimal { return appendDecimal(value, to: &output) }
    var prefix: [UInt8] = []
    if value < 0 { prefix.append(UInt8(ascii: "-")) }
    if value >= 0, let sign, sign != UInt8(ascii: "-") { prefix.append(sign) }
    if isAlternate, let mark = radixMark { prefix += [UInt8(ascii: "0"), mark] }
    let alignment = self.alignment ?? (hasZero ? .afterSign : .right)
    let digits = self.digits(of: value.magnitude, room: alignment == .afterSign ? width - prefix.count : 0)
    let missing = max(0, width - prefix.count - digits.count)
    switch alignment {
    case .afterSign:
      output += prefix
      pad(missing, &output)
      output += digits
    default:
      pad(missingBefore(missing, alignment), &output)
      output += prefix
      output += digits
      pad(missing - missingBefore(missing, alignment), &output)
    }
  }

  /// Whether numbers need no sign, prefix, separators or zeros, as nearly always.
  private var isPlainDecimal: Bool {
    sign == nil && !isAlternate && grouping == nil && !hasZero && alignment != .afterSign
      && (type == nil || type == UInt8(ascii: "d"))
  }

  private func appendDecimal(_ value: Int64, to output: inout [UInt8]) {
    guard width > 0 else { return output.append(decimal: value) }
    let missing = max(0, width - Self.decimalLength(value))
    let before = missingBefore(missing, alignment ?? .right)
    pad(before, &output)
    output.append(decimal: value)
    pad(missing - before, &output)
  }

  private static func decimalLength(_ value: Int64) -> Int {
    var rest = value.magnitude
    var count = value < 0 ? 2 : 1
    while rest >= 10 {
      rest /= 10
      count += 1
    }
    return count
  }

  private func append(text: UnsafeRawBufferPointer, raw: Bool, to output: inout [UInt8]) {
    if width == 0, precision == nil { return Self.append(text, raw: raw, to: &output) }
    let (count, end) = Self.characters(text, atMost: precision ?? Int.max)
    let missing = max(0, width - count)
    let before = missingBefore(missing, alignment ?? .left)
    pad(before, &output)
    Self.append(UnsafeRawBufferPointer(rebasing: text[..<end]), raw: raw, to: &output)
    pad(missing - before, &output)
  }

  private func missingBefore(_ missing: Int, _ alignment: Alignment) -> Int {
    switch alignment {
    case .left: 0
    case .center: missing / 2
    case .right, .afterSign: missing
    }
  }

  private func pad(_ count: Int, _ output: inout [UInt8]) {
    guard count > 0 else { return }
    if fill.isASCII {
      output.append(contentsOf: repeatElement(UInt8(ascii: fill), count: count))
    } else {
      for _ in 0..<count { output.append(contentsOf: String(fill).utf8) }
    }
  }

  private static func append(_ text: UnsafeRawBufferPointer, raw: Bool, to output: inout [UInt8]) {
    if raw || isASCII(text) { output.append(contentsOf: text) } else { output += displayBytes(text) }
  }

  /// How many characters there are up to a limit, and where they end.
  private static func characters(_ text: UnsafeRawBufferPointer, atMost limit: Int) -> (count: Int, end: Int) {
    if isASCII(text) { return (min(text.count, limit), min(text.count, limit)) }
    var count = 0
    var end = 0
    while end < text.count, count < limit {
      end += max(1, UTF8Sequence.length(text, at: end))
      count += 1
    }
    return (count, end)
  }

  /// The letter after the zero of `#`; decimal numbers have none.
  private var radixMark: UInt8? {
    switch type {
    case UInt8(ascii: "b"), UInt8(ascii: "o"), UInt8(ascii: "x"), UInt8(ascii: "X"): type
    default: nil
    }
  }

  /// Digits in the type's radix with separators. With a zero as fill, more zeros take part in the grouping until the
  /// digits fill `room`.
  private func digits(of value: UInt64, room: Int) -> [UInt8] {
    if isFloat { return floatDigits(of: value, room: room) }
    let radix: Int
    switch type {
    case UInt8(ascii: "b"): radix = 2
    case UInt8(ascii: "o"): radix = 8
    case UInt8(ascii: "x"), UInt8(ascii: "X"): radix = 16
    default: radix = 10
    }
    let digits = Array(String(value, radix: radix, uppercase: type == UInt8(ascii: "X")).utf8)
    return grouped(digits, size: radix == 10 ? 3 : 4, room: room)
  }

  func grouped(_ digits: [UInt8], size: Int, room: Int) -> [UInt8] {
    guard let grouping else { return digits }
    var count = digits.count
    if fill == "0" { while count + (count - 1) / size < room { count += 1 } }
    var grouped: [UInt8] = []
    for index in 0..<count {
      if index > 0, (count - index).isMultiple(of: size) { grouped.append(grouping) }
      let zeros = count - digits.count
      grouped.append(index < zeros ? UInt8(ascii: "0") : digits[index - zeros])
    }
    return grouped
  }
}
