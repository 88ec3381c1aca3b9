/// Text for people: bytes that are not valid UTF-8 become `?`, one for each, as Borg prints them.
public func displayText(_ bytes: [UInt8]) -> String {
  if let text = String(validating: bytes, as: UTF8.self) { return text }
  return String(decoding: bytes.withUnsafeBytes { displayBytes($0) }, as: UTF8.self)
}

/// The UTF-8 of `displayText`, for output that never becomes a `String`.
public func displayBytes(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
  var text: [UInt8] = []
  text.reserveCapacity(bytes.count)
  var offset = 0
  while offset < bytes.count {
    let count = UTF8Sequence.length(bytes, at: offset)
    if count == 0 {
      text.append(UInt8(ascii: "?"))
      offset += 1
    } else {
      text.append(contentsOf: bytes[offset..<offset + count])
      offset += count
    }
  }
  return text
}

/// Well-formed UTF-8, one character at a time.
public enum UTF8Sequence {
  /// How many bytes the character at `offset` takes; 0 when no well-formed one begins there.
  @inlinable
  public static func length(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int {
    let first = bytes[offset]
    if first < 0x80 { return 1 }
    let (count, second) = shape(first)
    guard count > 0, count <= bytes.count - offset, second.contains(bytes[offset + 1]) else { return 0 }
    for index in 2..<max(count, 2) where bytes[offset + index] & 0xc0 != 0x80 { return 0 }
    return count
  }

  /// How long a character with this first byte is, and what its second byte may be.
  @inlinable
  static func shape(_ first: UInt8) -> (count: Int, second: ClosedRange<UInt8>) {
    switch first {
    case 0xc2...0xdf: (2, 0x80...0xbf)
    case 0xe0: (3, 0xa0...0xbf)
    case 0xed: (3, 0x80...0x9f)
    case 0xe1...0xef: (3, 0x80...0xbf)
    case 0xf0: (4, 0x90...0xbf)
    case 0xf1...0xf3: (4, 0x80...0xbf)
    case 0xf4: (4, 0x80...0x8f)
    default: (0, 0x80...0xbf)
    }
  }
}
