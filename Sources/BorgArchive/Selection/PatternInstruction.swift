import BorgFormat

/// fm, sh, re, pp and pf (patterns-and-formats.md section 1).
public enum PatternStyle: String, Sendable, CaseIterable { case fm, sh, re, pp, pf }

/// What an instruction does with the paths it matches.
public enum PatternAction: Sendable {
  case include
  /// `-`: left out, but directories are entered.
  case exclude
  /// `!`, --exclude: left out and not entered.
  case excludeNoRecurse
}

/// One line of --pattern / --patterns-from (1.10).
public enum PatternInstruction: Sendable {
  case root([UInt8])
  case style(PatternStyle)
  case pattern(PatternAction, PathPattern)

  /// Throws `ArchiveError.badPattern` or `.plain` in Borg's words.
  public init(parsing line: [UInt8], fallbackStyle: PatternStyle) throws {
    guard let command = line.first else { throw ArchiveError.badPattern("A pattern/command must not be empty.") }
    guard Array("-!+RrPp".utf8).contains(command) else {
      throw ArchiveError.badPattern("A pattern/command must start with any of: -, !, +, R, r, P, p")
    }
    let value = PatternText.strippingStart(line.dropFirst())
    guard !value.isEmpty else { throw ArchiveError.badPattern("A pattern/command must have a value part.") }
    switch command {
    case UInt8(ascii: "R"), UInt8(ascii: "r"): self = .root(value)
    case UInt8(ascii: "P"), UInt8(ascii: "p"): self = .style(try Self.style(value))
    case UInt8(ascii: "+"): self = .pattern(.include, try PathPattern(parsing: value, fallbackStyle: fallbackStyle))
    case UInt8(ascii: "-"): self = .pattern(.exclude, try PathPattern(parsing: value, fallbackStyle: fallbackStyle))
    default: self = .pattern(.excludeNoRecurse, try PathPattern(parsing: value, fallbackStyle: fallbackStyle))
    }
  }

  private static func style(_ value: [UInt8]) throws -> PatternStyle {
    guard let style = PatternStyle(rawValue: String(decoding: value, as: UTF8.self)) else {
      throw ArchiveError.badPattern("Invalid pattern style: \(displayText(value))")
    }
    return style
  }
}

/// The lines of pattern files and what Python takes for white space in them.
enum PatternText {
  /// Stripped lines, without empty ones and those that begin with `#`.
  static func lines(of file: [UInt8]) -> [[UInt8]] {
    file.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
      .map { strippingEnd(strippingStart($0)) }
      .filter { !$0.isEmpty && $0.first != UInt8(ascii: "#") }
  }

  static func strippingStart(_ text: ArraySlice<UInt8>) -> [UInt8] {
    let characters = UTF8Sequence.characters(Array(text))
    return UTF8Sequence.bytes(characters.drop(while: isSpace))
  }

  private static func strippingEnd(_ text: [UInt8]) -> [UInt8] {
    var characters = UTF8Sequence.characters(text)
    while let last = characters.last, isSpace(last) { characters.removeLast() }
    return UTF8Sequence.bytes(characters)
  }

  private static func isSpace(_ character: UInt32) -> Bool {
    Unicode.Scalar(character)?.isPythonWhitespace ?? false
  }
}
