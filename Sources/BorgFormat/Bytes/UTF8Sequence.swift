/// UTF-8 one character at a time, where any byte may be wrong.
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

  /// The character at `offset`, which moves behind it. A byte that belongs to none counts as a character of its own,
  /// a lone surrogate U+DC80 to U+DCFF, as in Python's file names.
  @inlinable
  public static func next(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> UInt32 {
    let first = bytes[offset]
    let count = length(bytes, at: offset)
    defer { offset += max(count, 1) }
    if count == 1 { return UInt32(first) }
    if count == 0 { return 0xdc00 + UInt32(first) }
    var character = UInt32(first) & (0x7f >> UInt32(count))
    for index in 1..<count { character = character << 6 | UInt32(bytes[offset + index] & 0x3f) }
    return character
  }

  public static func characters(_ bytes: [UInt8]) -> [UInt32] {
    bytes.withUnsafeBytes { bytes in
      var characters: [UInt32] = []
      characters.reserveCapacity(bytes.count)
      var offset = 0
      while offset < bytes.count { characters.append(next(bytes, at: &offset)) }
      return characters
    }
  }

  /// What `next` reads as `characters`.
  public static func bytes(_ characters: some Sequence<UInt32>) -> [UInt8] {
    var bytes: [UInt8] = []
    for character in characters {
      if let scalar = Unicode.Scalar(character) {
        bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      } else {
        bytes.append(UInt8(truncatingIfNeeded: character))
      }
    }
    return bytes
  }

  /// How long a character with this first byte is, and what its second byte may be.
  @usableFromInline
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
