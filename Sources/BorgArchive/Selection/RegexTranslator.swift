import BorgFormat
import CPCRE2

/// Turns a Python regular expression into one that means the same to PCRE2, and refuses what only PCRE2 would take.
struct RegexTranslator {
  private let characters: [UInt32]
  private var index = 0
  private var output: [UInt8] = []
  private var options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C
  private var isASCII = false
  private var isVerbose = false
  /// Whether the groups around are verbose, outermost first.
  private var outerVerbosity: [Bool] = []

  /// The pattern as valid UTF-8 with the options to compile it with. Throws `ArchiveError.plain`.
  static func translate(_ characters: [UInt32]) throws -> (pattern: [UInt8], options: UInt32) {
    var translator = RegexTranslator(characters)
    try translator.readGlobalFlags()
    while let character = translator.take() { try translator.translate(character) }
    guard translator.outerVerbosity.isEmpty else { throw translator.error("missing ), unterminated subpattern") }
    if !translator.isASCII { translator.options |= PCRE2_UCP }
    return (translator.output, translator.options)
  }

  private init(_ characters: [UInt32]) {
    self.characters = characters
  }

  private mutating func translate(_ character: UInt32) throws {
    switch Unicode.Scalar(character) {
    case "\\": try translateEscape()
    case "[": try translateSet()
    case "(": try translateGroup()
    case ")": try endGroup()
    case "{": translateBrace()
    case "#" where isVerbose: while let next = take(), next != 0x0a {}
    case let scalar? where isVerbose && " \t\n\r\u{b}\u{c}".unicodeScalars.contains(scalar): break
    default: emit(character)
    }
  }
}

// MARK: - Characters

extension RegexTranslator {
  /// Where bytes that are no UTF-8 are shown: U+10FF80 to U+10FFFF.
  private static let privatePlane: UInt32 = 0x10_ff00

  static func isWellFormed(_ text: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset < text.count {
      let count = UTF8Sequence.length(text, at: offset)
      if count == 0 { return false }
      offset += count
    }
    return true
  }

  /// Characters as valid UTF-8; those that stand for single bytes lie in the private plane.
  static func encoded(_ characters: some Sequence<UInt32>) -> [UInt8] {
    UTF8Sequence.bytes(characters.lazy.map { Unicode.Scalar($0) == nil ? privatePlane + ($0 & 0xff) : $0 })
  }

  private mutating func take() -> UInt32? {
    guard index < characters.count else { return nil }
    defer { index += 1 }
    return characters[index]
  }

  /// The next character as text; nil at the end and for a byte that is none.
  private var next: Unicode.Scalar? { index < characters.count ? Unicode.Scalar(characters[index]) : nil }

  private mutating func take(_ text: String) -> Bool {
    guard characters[index...].starts(with: text.unicodeScalars.lazy.map(\.value)) else { return false }
    index += text.unicodeScalars.count
    return true
  }

  private mutating func take(while isWanted: (Unicode.Scalar) -> Bool) -> String {
    var text = String.UnicodeScalarView()
    while let scalar = next, isWanted(scalar) {
      text.append(scalar)
      index += 1
    }
    return String(text)
  }

  private mutating func emit(_ character: UInt32) { output += Self.encoded([character]) }
  private mutating func emit(_ text: String) { output += Array(text.utf8) }

  private func error(_ text: String) -> ArchiveError {
    .plain("invalid regular expression '\(displayText(UTF8Sequence.bytes(characters)))': \(text) at position \(index)")
  }
}

// MARK: - Groups, flags, repetition

extension RegexTranslator {
  /// `(?aimsux)` at the very beginning.
  private mutating func readGlobalFlags() throws {
    while true {
      let start = index
      guard take("(?") else { return }
      let flags = take { "aiLmsux".unicodeScalars.contains($0) }
      guard !flags.isEmpty, take(")") else {
        index = start
        return
      }
      for flag in flags { try setGlobal(flag) }
    }
  }

  private mutating func setGlobal(_ flag: Character) throws {
    switch flag {
    case "a": isASCII = true
    case "i": options |= PCRE2_CASELESS
    case "m": options |= PCRE2_MULTILINE
    case "s": options |= PCRE2_DOTALL
    case "x": isVerbose = true
    case "u": break
    default: throw error("cannot use LOCALE flag with a str pattern")
    }
  }

  private mutating func translateGroup() throws {
    if take("?#") {
      _ = take { $0 != ")" }
      guard take(")") else { throw error("missing ), unterminated comment") }
      return
    }
    let verbosity = isVerbose
    if take("?") {
      guard try translateExtension() else { return }
    } else if next == "*" {
      throw error("nothing to repeat")
    } else {
      emit("(")
    }
    outerVerbosity.append(verbosity)
  }

  private mutating func endGroup() throws {
    guard let verbosity = outerVerbosity.popLast() else { throw error("unbalanced parenthesis") }
    isVerbose = verbosity
    emit(")")
  }

  /// What follows `(?`. False when that was all of the group.
  private mutating func translateExtension() throws -> Bool {
    for start in [":", "=", "!", ">", "<=", "<!"] where take(start) {
      emit("(?" + start)
      return true
    }
    if take("P<") {
      emit("(?P<\(try name(until: ">"))>")
      return true
    }
    if take("P=") {
      emit("(?P=\(try name(until: ")")))")
      return false
    }
    if take("(") {
      let condition = try name(until: ")")
      emit(condition.utf8.allSatisfy { (0x30...0x39).contains($0) } ? "(?(\(condition))" : "(?(<\(condition)>)")
      return true
    }
    try translateScopedFlags()
    return true
  }

  private mutating func name(until end: String) throws -> String {
    let name = take { $0 == "_" || $0.properties.isAlphabetic || $0.properties.numericType != nil }
    guard !name.isEmpty, take(end) else { throw error("bad group name") }
    return name
  }

  /// `ims-x:` after `(?`.
  private mutating func translateScopedFlags() throws {
    let added = take { "imsxu".unicodeScalars.contains($0) }
    let removed = take("-") ? take { "imsx".unicodeScalars.contains($0) } : ""
    guard !(added + removed).isEmpty, take(":") else {
      throw error("unknown extension, or flags that are not at the start of the expression")
    }
    if added.contains("x") { isVerbose = true }
    if removed.contains("x") { isVerbose = false }
    let (on, off) = (added.filter { !"xu".contains($0) }, removed.filter { $0 != "x" })
    emit("(?\(on)\(off.isEmpty ? "" : "-")\(off):")
  }

  /// `{,n}` counts from zero; what is no count is literal.
  private mutating func translateBrace() {
    let start = index
    let low = take { ("0"..."9").contains($0) }
    let hasComma = take(",")
    let high = take { ("0"..."9").contains($0) }
    guard take("}"), hasComma || !low.isEmpty else {
      index = start
      return emit("\\{")
    }
    emit("{\(low.isEmpty ? "0" : low)\(hasComma ? "," : "")\(high)}")
  }
}

// MARK: - Escapes and sets

extension RegexTranslator {
  /// All but what Python takes for white space, which has four characters more than PCRE2's.
  private static let nonSpaces = [
    "\\x00-\\x08", "\\x0e-\\x1b", "!-\\x{84}", "\\x{86}-\\x{9f}", "\\x{a1}-\\x{167f}", "\\x{1681}-\\x{1fff}",
    "\\x{200b}-\\x{2027}", "\\x{202a}-\\x{202e}", "\\x{2030}-\\x{205e}", "\\x{2060}-\\x{2fff}",
    "\\x{3001}-\\x{10ffff}",
  ].joined()

  private mutating func translateEscape() throws {
    guard let letter = take() else { throw error("bad escape (end of pattern)") }
    switch Unicode.Scalar(letter) {
    case "A", "b", "B", "d", "D", "w", "W": emit("\\" + String(Character(Unicode.Scalar(letter) ?? " ")))
    case "Z": emit("\\z")
    case "s": emit(isASCII ? "\\s" : "[\\s\\x1c-\\x1f]")
    case "S": emit(isASCII ? "\\S" : "[^\\s\\x1c-\\x1f]")
    case let digit? where ("1"..."9").contains(digit): try translateReference(digit)
    default: emitLiteral(try escapedCharacter(letter))
    }
  }

  /// `\1` to `\99` refer to groups, three octal digits are a character.
  private mutating func translateReference(_ digit: Unicode.Scalar) throws {
    let start = index
    let octal = String(Character(digit)) + take { ("0"..."7").contains($0) }.prefix(2)
    index = start + octal.unicodeScalars.count - 1
    if octal.utf8.count == 3, let value = UInt32(octal, radix: 8) {
      guard value <= 0o377 else { throw error("octal escape value outside of range 0-0o377") }
      return emitLiteral(value)
    }
    index = start
    var number = String(Character(digit))
    if let second = next, ("0"..."9").contains(second) {
      number.unicodeScalars.append(second)
      index += 1
    }
    emit("\\g{\(number)}")
  }

  /// The character that an escape means which is valid in and out of sets. `letter` has been taken.
  private mutating func escapedCharacter(_ letter: UInt32) throws -> UInt32 {
    guard let scalar = Unicode.Scalar(letter) else { return letter }
    switch scalar {
    case "a": return 0x07
    case "f": return 0x0c
    case "n": return 0x0a
    case "r": return 0x0d
    case "t": return 0x09
    case "v": return 0x0b
    case "x": return try hexCharacter(2)
    case "u": return try hexCharacter(4)
    case "U": return try hexCharacter(8)
    case "0"..."7":
      let start = index
      let digits = String(Character(scalar)) + take { ("0"..."7").contains($0) }.prefix(2)
      index = start + digits.unicodeScalars.count - 1
      guard let value = UInt32(digits, radix: 8), value <= 0o377 else { throw error("octal escape value out of range") }
      return value
    case "a"..."z", "A"..."Z", "8", "9": throw error("bad escape \\\(scalar)")
    default: return letter
    }
  }

  private mutating func hexCharacter(_ count: Int) throws -> UInt32 {
    let start = index
    let digits = take { $0.properties.isASCIIHexDigit }.prefix(count)
    index = start + digits.count
    guard digits.count == count, let value = UInt32(digits, radix: 16),
      Unicode.Scalar(value) != nil || (0xdc80...0xdcff).contains(value)
    else { throw error("incomplete escape or no character") }
    return value
  }

  private mutating func emitLiteral(_ character: UInt32) {
    let plain = Unicode.Scalar(character) == nil ? Self.privatePlane + (character & 0xff) : character
    emit("\\x{\(String(plain, radix: 16))}")
  }

  private mutating func translateSet() throws {
    emit("[")
    if take("^") { emit("^") }
    var isFirst = true
    while isFirst || next != "]" {
      guard let character = take() else { throw error("unterminated character set") }
      isFirst = false
      switch Unicode.Scalar(character) {
      case "\\": try translateSetEscape()
      case "[", "]", "^": emit("\\" + String(Character(Unicode.Scalar(character) ?? " ")))
      default: emit(character)
      }
    }
    index += 1
    emit("]")
  }

  private mutating func translateSetEscape() throws {
    guard let letter = take() else { throw error("bad escape (end of pattern)") }
    switch Unicode.Scalar(letter) {
    case "d", "D", "w", "W": emit("\\" + String(Character(Unicode.Scalar(letter) ?? " ")))
    case "s": emit(isASCII ? "\\s" : "\\s\\x1c-\\x1f")
    case "S": emit(isASCII ? "\\S" : Self.nonSpaces)
    case "b": emitLiteral(0x08)
    default: emitLiteral(try escapedCharacter(letter))
    }
  }
}
