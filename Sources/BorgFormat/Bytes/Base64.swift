/// Standard base64. Decoding ignores every byte outside the alphabet, as Borg's reader does; nil when undecodable.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let padding = UInt8(ascii: "=")

  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      var bits = 0
      for index in 0..<3 { bits = bits << 8 | (index < group.count ? Int(group[start + index]) : 0) }
      for index in 0..<4 { text.append(index <= group.count ? alphabet[bits >> (18 - 6 * index) & 63] : padding) }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Ends at the first complete padding; nil when digits are left over there or at the end.
  public static func decode(_ text: [UInt8]) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var bits: UInt32 = 0
    var digitCount = 0
    var paddingCount = 0
    for character in text {
      if character == padding {
        paddingCount += 1
        if digitCount >= 2, digitCount + paddingCount >= 4 { return bytes }
      } else if let digit = digit(character) {
        paddingCount = 0
        bits = bits << 6 | digit
        digitCount = (digitCount + 1) % 4
        if digitCount != 1 { bytes.append(UInt8(truncatingIfNeeded: bits >> shift(after: digitCount))) }
      }
    }
    return digitCount == 0 ? bytes : nil
  }

  /// How many bits of the next byte have come already with the group's second, third or fourth digit.
  private static func shift(after digitCount: Int) -> UInt32 {
    switch digitCount {
    case 2: 4
    case 3: 2
    default: 0
    }
  }

  private static func digit(_ character: UInt8) -> UInt32? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
    case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a") + 26)
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0") + 52)
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
