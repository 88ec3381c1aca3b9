/// Sizes for people: `999 B`, `1.23 MB`, with --iec `1.17 MiB` (patterns-and-formats.md section 6).
enum HumanSize {
  static func text(_ bytes: Int64, iec: Bool) -> String {
    let base: Double = iec ? 1024 : 1000
    let units = iec ? ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"] : ["kB", "MB", "GB", "TB", "PB", "EB"]
    guard bytes.magnitude >= UInt64(base) else { return "\(bytes) B" }
    var value = Double(bytes) / base
    var unit = 0
    while (abs(value) * 100).rounded() / 100 >= base, unit < units.count - 1 {
      value /= base
      unit += 1
    }
    return "\(fixed(value, decimals: 2)) \(units[unit])"
  }
}

/// The number with so many decimals, rounded as Python's formatting does.
func fixed(_ value: Double, decimals: Int) -> String {
  var factor = 1.0
  for _ in 0..<decimals { factor *= 10 }
  let scaled = (abs(value) * factor).rounded(.toNearestOrEven)
  guard scaled < 9e15 else { return "\(value)" }
  let whole = Int64(scaled)
  let digits = String(whole % Int64(factor))
  let sign = value < 0 && whole != 0 ? "-" : ""
  let fraction = decimals == 0 ? "" : "." + String(repeating: "0", count: decimals - digits.utf8.count) + digits
  return "\(sign)\(whole / Int64(factor))\(fraction)"
}
