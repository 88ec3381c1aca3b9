/// Counts of bytes as options and variables give them.
public enum ByteCount {
  /// A count of bytes, with K, M or G for its multiples by 1024. Nil: no such number, or beyond 1 TiB.
  public static func parse(_ text: String) -> Int? {
    var digits = Substring(text.lowercased())
    if digits.hasSuffix("b") { digits.removeLast() }
    let shifts: [Character: Int] = ["k": 10, "m": 20, "g": 30]
    let shift = digits.last.flatMap { shifts[$0] }
    if shift != nil { digits.removeLast() }
    guard digits.first?.isNumber == true, let number = Int(digits), number <= 1 << 40 else { return nil }
    let (size, overflows) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
    return overflows || size > 1 << 40 ? nil : size
  }
}
