import Glibc

/// Sizes for people: `999 B`, `1.23 MB`, with --iec `1.17 MiB` (patterns-and-formats.md section 6).
enum HumanSize {
  private static let decimalUnits = ["kB", "MB", "GB", "TB", "PB", "EB"]
  private static let binaryUnits = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// The unit rises while the number as it would be shown reaches the next one.
  static func text(_ bytes: Int64, iec: Bool, decimals: Int = 2) -> String {
    let base: Double = iec ? 1024 : 1000
    guard bytes.magnitude >= UInt64(base) else { return "\(bytes) B" }
    var value = Double(bytes) / base
    var units = (iec ? binaryUnits : decimalUnits)[...]
    while units.count > 1, abs(Double(fixed(value, decimals: decimals)) ?? value) >= base {
      value /= base
      units.removeFirst()
    }
    return "\(fixed(value, decimals: decimals)) \(units[units.startIndex])"
  }
}

/// The number with so many decimals, rounded from its exact value as Python's formatting does.
func fixed(_ value: Double, decimals: Int) -> String {
  var buffer = [CChar](repeating: 0, count: 352 + decimals)
  let count = withVaList([Int32(clamping: decimals), value]) { vsnprintf(&buffer, buffer.count, "%.*f", $0) }
  return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
