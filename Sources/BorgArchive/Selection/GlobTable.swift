/// What each position of a `GlobAutomaton` does with each character, as bits in words of 64 positions.
struct GlobTable: Sendable {
  private let wordCount: Int
  /// For each ASCII character in turn, the positions that it leads on to the next.
  private(set) var advancing: [UInt64]
  /// The same for all others, but for `unusual`.
  private var advancingOthers: [UInt64]
  /// Positions that must be asked about characters beyond ASCII.
  private var unusual: [(position: Int, token: GlobToken)] = []
  /// Positions that stay where they are at a slash, and at anything else.
  private(set) var stayingAtSlash: [UInt64]
  private(set) var stayingElsewhere: [UInt64]
  /// Beginnings of directory names, where `**/` may also end.
  private(set) var beginnings: [UInt64]
  /// Insides of directory names, which a slash leads back to their beginnings.
  private(set) var insides: [UInt64]

  init(_ tokens: ArraySlice<GlobToken>, wordCount: Int) {
    self.wordCount = wordCount
    let none = [UInt64](repeating: 0, count: wordCount)
    (advancingOthers, stayingAtSlash, stayingElsewhere, beginnings, insides) = (none, none, none, none, none)
    advancing = [UInt64](repeating: 0, count: 128 * wordCount)
    var position = 0
    for token in tokens {
      add(token, at: position)
      position += token.positionCount
    }
  }

  /// The positions that a character leads on.
  func advancing(_ character: UInt32, word: Int) -> UInt64 {
    if character < 128 { return advancing[Int(character) * wordCount + word] }
    var positions = advancingOthers[word]
    for (position, token) in unusual where position / 64 == word && token.matches(character) {
      positions |= 1 << UInt64(position % 64)
    }
    return positions
  }

  private mutating func add(_ token: GlobToken, at position: Int) {
    let (word, bit) = (position / 64, UInt64(1) << UInt64(position % 64))
    switch token {
    case .star(let crossesSlash):
      stayingElsewhere[word] |= bit
      if crossesSlash { stayingAtSlash[word] |= bit }
    case .directories:
      beginnings[word] |= bit
      stayingAtSlash[word] |= bit
      setAdvancing(position) { $0 != Sign.slash }
      advancingOthers[word] |= bit
      let inside = UInt64(1) << UInt64((position + 1) % 64)
      insides[(position + 1) / 64] |= inside
      stayingElsewhere[(position + 1) / 64] |= inside
    case .character:
      setAdvancing(position, token.matches)
      unusual.append((position, token))
    case .set(let set):
      setAdvancing(position, token.matches)
      if set == .any || set == .anyButSlash { advancingOthers[word] |= bit } else { unusual.append((position, token)) }
    }
  }

  private mutating func setAdvancing(_ position: Int, _ isWanted: (UInt32) -> Bool) {
    for character in UInt32(0)..<128 where isWanted(character) {
      advancing[Int(character) * wordCount + position / 64] |= 1 << UInt64(position % 64)
    }
  }
}

extension GlobToken {
  /// How many positions of an automaton the token takes.
  var positionCount: Int {
    switch self {
    case .star: 0
    case .directories: 2
    case .character, .set: 1
    }
  }

  /// Whether a token for one character matches this one.
  fileprivate func matches(_ character: UInt32) -> Bool {
    switch self {
    case .character(let wanted): wanted == character
    case .set(let set): set.contains(character)
    case .star, .directories: false
    }
  }
}
