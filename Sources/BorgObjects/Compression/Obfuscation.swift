import CSodium

/// The size hiding of `obfuscate,SPEC,…` (chunks.md section 3.2): how many zero bytes follow the inner payload.
enum Obfuscation {
  /// Header, length field.
  static let prefixSize = 6

  static func accepts(_ spec: Int) -> Bool {
    (1...6).contains(spec) || (110...123).contains(spec) || spec == 250
  }

  /// `random` is uniform in 0 ..< 1; `count` is the inner payload's size.
  static func padding(spec: Int, count: Int, random: Double) -> Int {
    let wanted =
      switch spec {
      case 1...6: relative(spec, count, max(0.0001, random))
      case 110...123: Int(Double(1 << (spec - 100)) * random)
      default: padme(count)
      }
    return max(0, min(wanted, ChunkerParameters.maximumDataSize - 1024 - count))
  }

  /// Rounds up so that only the size's first few bits still tell something (the PADME scheme).
  static func padme(_ count: Int) -> Int {
    guard count >= 2 else { return 0 }
    let exponent = bitWidth(count) - 1
    let mask = 1 << (exponent - bitWidth(exponent)) - 1
    return ((count + mask) & ~mask) - count
  }

  static func randomFraction() -> Double {
    Sodium.initialize()
    let bits = UInt64(randombytes_random()) << 32 | UInt64(randombytes_random())
    return Double(bits >> 11) * 0x1p-53
  }

  private static func relative(_ spec: Int, _ count: Int, _ random: Double) -> Int {
    var power = 1.0
    for _ in 0..<spec { power *= 10 }
    return Int(Double(count) * (0.001 * power / random))
  }

  private static func bitWidth(_ value: Int) -> Int { Int.bitWidth - value.leadingZeroBitCount }
}
