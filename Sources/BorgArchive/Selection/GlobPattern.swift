import BorgFormat

/// Which rules a glob follows: Python's fnmatch (1.6) or Borg's shell style (1.7).
enum GlobDialect: Sendable {
  case fnmatch
  case shell
}

/// The parts of a glob.
enum GlobToken: Equatable {
  case character(UInt32)
  /// One character out of a set; `?` is one too.
  case set(GlobSet)
  case star(crossesSlash: Bool)
  /// `**/`: no, one or several directory levels.
  case directories
}

/// Reads a glob, character by character.
struct GlobParser {
  private let characters: [UInt32]
  private let dialect: GlobDialect
  private var index = 0

  /// Throws `ArchiveError.plain` on a reversed range in shell style.
  static func tokens(_ pattern: [UInt8], _ dialect: GlobDialect) throws -> [GlobToken] {
    var parser = GlobParser(characters: UTF8Sequence.characters(pattern), dialect: dialect)
    var tokens: [GlobToken] = []
    while let token = try parser.next() {
      if case .star = token, tokens.last == token { continue }
      tokens.append(token)
    }
    return tokens
  }

  private init(characters: [UInt32], dialect: GlobDialect) {
    self.characters = characters
    self.dialect = dialect
  }

  private mutating func next() throws -> GlobToken? {
    guard index < characters.count else { return nil }
    let character = characters[index]
    index += 1
    switch character {
    case Sign.star: return star()
    case Sign.question: return .set(dialect == .fnmatch ? .any : .anyButSlash)
    case Sign.bracket: return try set() ?? .character(character)
    default: return .character(character)
    }
  }

  private mutating func star() -> GlobToken {
    guard dialect == .shell else { return .star(crossesSlash: true) }
    guard characters[index...].starts(with: [Sign.star, Sign.slash]) else { return .star(crossesSlash: false) }
    index += 2
    return .directories
  }

  /// Nil when the set has no end: then its bracket is an ordinary character. A bracket that closes nothing yet is in
  /// the set.
  private mutating func set() throws -> GlobToken? {
    let isNegated = index < characters.count && characters[index] == Sign.exclamation
    let search = characters.indices.dropFirst(index + (isNegated ? 2 : 1))
    guard let end = search.first(where: { characters[$0] == Sign.closingBracket }) else { return nil }
    let content = Array(characters[index..<end])
    index = end + 1
    return .set(dialect == .fnmatch ? GlobSet(fnmatch: content) : try GlobSet(shell: content))
  }
}

/// The characters that mean something in a glob.
enum Sign {
  static let star: UInt32 = 0x2a
  static let question: UInt32 = 0x3f
  static let exclamation: UInt32 = 0x21
  static let hyphen: UInt32 = 0x2d
  static let slash: UInt32 = 0x2f
  static let bracket: UInt32 = 0x5b
  static let closingBracket: UInt32 = 0x5d
}
