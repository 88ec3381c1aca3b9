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
