/// Splits a command line by POSIX shell word rules (quotes, backslash), as Python's shlex.split. Nil on an unclosed
/// quote or a backslash at the end.
public func shellWords(_ text: String) -> [String]? {
  var words: [String] = []
  var word: String?
  var quote: Character?
  var characters = text.makeIterator()
  while let character = characters.next() {
    switch (character, quote) {
    case ("\\", nil):
      guard let next = characters.next() else { return nil }
      word = (word ?? "") + String(next)
    case ("\\", "\""):
      guard let next = characters.next() else { return nil }
      word = (word ?? "") + (next == "\"" || next == "\\" ? "" : "\\") + String(next)
    case (let mark, let open?) where mark == open:
      quote = nil
    case ("'", nil), ("\"", nil):
      quote = character
      word = word ?? ""
    case (" ", nil), ("\t", nil), ("\n", nil), ("\r", nil):
      if let done = word { words.append(done) }
      word = nil
    default:
      word = (word ?? "") + String(character)
    }
  }
  guard quote == nil else { return nil }
  if let word { words.append(word) }
  return words
}

/// Quotes one word for a shell, as Python's shlex.quote.
public func shellQuoted(_ word: String) -> String {
  let isPlain = word.utf8.allSatisfy { byte in
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "_@%+=:,./-".utf8.contains(byte)
    }
  }
  if isPlain && !word.isEmpty { return word }
  return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\"'\"'") + "'"
}
