import BorgFormat

/// JSON as Python writes it, straight into a buffer.
extension [UInt8] {
  mutating func append(_ text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Appends a JSON string of text for people: bytes that are no UTF-8 become `?`, other than ASCII is escaped.
  mutating func append(jsonString text: [UInt8]) {
    append(UInt8(ascii: "\""))
    text.withUnsafeBytes { appendEscaped($0) }
    append(UInt8(ascii: "\""))
  }

  private mutating func appendEscaped(_ text: UnsafeRawBufferPointer) {
    var offset = 0
    while offset < text.count {
      let start = offset
      while offset < text.count, Self.isPlain(text[offset]) { offset += 1 }
      append(contentsOf: text[start..<offset])
      guard offset < text.count else { return }
      if text[offset] < 0x80 {
        appendEscaped(ascii: text[offset])
        offset += 1
      } else {
        offset += appendEscaped(character: text, at: offset)
      }
    }
  }

  /// Printable ASCII that stands for itself.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func appendEscaped(ascii byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): append("\\\"")
    case UInt8(ascii: "\\"): append("\\\\")
    case 0x0a: append("\\n")
    case 0x0d: append("\\r")
    case 0x09: append("\\t")
    case 0x08: append("\\b")
    case 0x0c: append("\\f")
    default: appendEscaped(unit: UInt16(byte))
    }
  }

  /// Returns how many bytes were used up.
  private mutating func appendEscaped(character text: UnsafeRawBufferPointer, at offset: Int) -> Int {
    let count = UTF8Sequence.length(text, at: offset)
    guard count > 0 else {
      append(UInt8(ascii: "?"))
      return 1
    }
    let character = String(decoding: text[offset..<offset + count], as: UTF8.self)
    for unit in character.utf16 { appendEscaped(unit: unit) }
    return count
  }

  private mutating func appendEscaped(unit: UInt16) {
    append("\\u")
    for shift in [12, 8, 4, 0] as [UInt16] {
      let digit = UInt8(unit >> shift & 15)
      append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
