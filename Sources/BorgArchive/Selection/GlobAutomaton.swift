import BorgFormat

/// A compiled glob: all its parts are tried at once, one bit each, so that a match takes time proportional to the
/// path's length whatever the pattern.
///
/// Bit i of a state says that the path so far has brought the match before position i. A token takes one position,
/// `**/` takes two: its first stands at the beginning of a directory's name, its second inside it. The literal
/// characters at the pattern's start are compared apart.
struct GlobAutomaton: Sendable {
  private var prefix: [UInt8] = []
  /// Words of 64 positions.
  private let wordCount: Int
  /// For each ASCII character, the positions that it leads on to the next.
  private var advancing: [UInt64]
  /// The same for all others, but for `unusual`.
  private var advancingOthers: [UInt64]
  /// Positions that must be asked about characters beyond ASCII.
  private var unusual: [(position: Int, token: GlobToken)] = []
  /// Positions that stay where they are at a slash, and at anything else.
  private var stayingAtSlash: [UInt64]
  private var stayingElsewhere: [UInt64]
  /// Insides of directory names, which a slash leads back to their beginnings.
  private var insides: [UInt64]
  /// Positions that may be passed over: by one position, by two.
  private var passable: [UInt64]
  private var doublyPassable: [UInt64]
  private let end: Int
  /// Reaching the end matches whatever follows.
  private let isOpenEnded: Bool

  /// Throws `ArchiveError.plain` for a pattern that cannot be.
  init(_ pattern: [UInt8], _ dialect: GlobDialect) throws {
    var tokens = ArraySlice(try GlobParser.tokens(pattern, dialect))
    isOpenEnded = Self.removeOpenEnd(&tokens)
    while case .character(let character)? = tokens.first, Unicode.Scalar(character) != nil {
      prefix += UTF8Sequence.bytes([character])
      tokens.removeFirst()
    }
    end = tokens.reduce(0) { $0 + ($1 == .directories ? 2 : 1) }
    wordCount = end / 64 + 1
    let none = [UInt64](repeating: 0, count: wordCount)
    (advancingOthers, stayingAtSlash, stayingElsewhere, insides) = (none, none, none, none)
    (passable, doublyPassable) = (none, none)
    advancing = [UInt64](repeating: 0, count: 128 * wordCount)
    var position = 0
    for token in tokens { add(token, at: &position) }
  }

  /// Removes what matches everything at the end.
  private static func removeOpenEnd(_ tokens: inout ArraySlice<GlobToken>) -> Bool {
    if tokens.last == .star(crossesSlash: true) {
      tokens.removeLast()
      return true
    }
    if tokens.suffix(2) == [.directories, .star(crossesSlash: false)] {
      tokens.removeLast(2)
      return true
    }
    return false
  }

  private mutating func add(_ token: GlobToken, at position: inout Int) {
    let (word, bit) = (position / 64, UInt64(1) << UInt64(position % 64))
    switch token {
    case .star(let crossesSlash):
      passable[word] |= bit
      stayingElsewhere[word] |= bit
      if crossesSlash { stayingAtSlash[word] |= bit }
    case .directories:
      doublyPassable[word] |= bit
      stayingAtSlash[word] |= bit
      setAdvancing(position) { $0 != Sign.slash }
      advancingOthers[word] |= bit
      position += 1
      insides[position / 64] |= 1 << UInt64(position % 64)
      stayingElsewhere[position / 64] |= 1 << UInt64(position % 64)
    case .character(let wanted):
      setAdvancing(position) { $0 == wanted }
      if wanted >= 128 { unusual.append((position, token)) }
    case .set(let set):
      setAdvancing(position) { set.contains($0) }
      if set == .any || set == .anyButSlash { advancingOthers[word] |= bit } else { unusual.append((position, token)) }
    }
    position += 1
  }

  private mutating func setAdvancing(_ position: Int, _ isWanted: (UInt32) -> Bool) {
    for character in UInt32(0)..<128 where isWanted(character) {
      advancing[Int(character) * wordCount + position / 64] |= 1 << UInt64(position % 64)
    }
  }
}

// MARK: - Matching

extension GlobAutomaton {
  /// Whether the whole text matches, with a slash added to it in thought when `appendingSlash`.
  func matches(_ text: UnsafeRawBufferPointer, appendingSlash: Bool) -> Bool {
    let count = text.count + (appendingSlash ? 1 : 0)
    guard prefix.count <= count else { return false }
    let compared = min(prefix.count, text.count)
    guard text[..<compared].elementsEqual(prefix[..<compared]) else { return false }
    let hasUsedSlash = prefix.count > text.count
    if hasUsedSlash, prefix.last != UInt8(ascii: "/") { return false }
    let rest = UnsafeRawBufferPointer(rebasing: text[compared...])
    let addsSlash = appendingSlash && !hasUsedSlash
    return wordCount == 1 ? matchesInOneWord(rest, addsSlash) : matchesInManyWords(rest, addsSlash)
  }

  private func matchesInOneWord(_ text: UnsafeRawBufferPointer, _ addsSlash: Bool) -> Bool {
    let (passable, doublyPassable) = (passable[0], doublyPassable[0])
    let (atSlash, elsewhere, insides) = (stayingAtSlash[0], stayingElsewhere[0], insides[0])
    let final = UInt64(1) << UInt64(end)
    let open = isOpenEnded ? final : 0
    var state = Self.passing(1, passable, doublyPassable)
    return advancing.withUnsafeBufferPointer { ascii in
      var offset = 0
      while offset < text.count, state & open == 0, state != 0 {
        let byte = text[offset]
        if byte == UInt8(ascii: "/") {
          state = (state & ascii[0x2f]) << 1 | state & atSlash | (state & insides) >> 1
          offset += 1
        } else if byte < 0x80 {
          state = (state & ascii[Int(byte)]) << 1 | state & elsewhere
          offset += 1
        } else {
          let others = advancing(UTF8Sequence.next(text, at: &offset), word: 0)
          state = (state & others) << 1 | state & elsewhere
        }
        state = Self.passing(state, passable, doublyPassable)
      }
      if addsSlash, state & open == 0 {
        state = (state & ascii[0x2f]) << 1 | state & atSlash | (state & insides) >> 1
        state = Self.passing(state, passable, doublyPassable)
      }
      return state & final != 0
    }
  }

  /// Adds the positions that are reached without a character.
  @inline(__always)
  private static func passing(_ state: UInt64, _ passable: UInt64, _ doublyPassable: UInt64) -> UInt64 {
    var state = state
    while true {
      let more = (state & passable) << 1 | (state & doublyPassable) << 2
      if more & ~state == 0 { return state }
      state |= more
    }
  }

  /// The positions that a character beyond ASCII leads on.
  private func advancing(_ character: UInt32, word: Int) -> UInt64 {
    var positions = advancingOthers[word]
    for (position, token) in unusual where position / 64 == word {
      let isWanted =
        switch token {
        case .character(let wanted): wanted == character
        case .set(let set): set.contains(character)
        case .star, .directories: false
        }
      if isWanted { positions |= 1 << UInt64(position % 64) }
    }
    return positions
  }

  private func matchesInManyWords(_ text: UnsafeRawBufferPointer, _ addsSlash: Bool) -> Bool {
    var state = [UInt64](repeating: 0, count: wordCount)
    state[0] = 1
    pass(&state)
    var offset = 0
    while offset < text.count, !(isOpenEnded && isAtEnd(state)) {
      advance(&state, UTF8Sequence.next(text, at: &offset))
    }
    if addsSlash, !(isOpenEnded && isAtEnd(state)) { advance(&state, Sign.slash) }
    return isAtEnd(state)
  }

  private func isAtEnd(_ state: [UInt64]) -> Bool { state[end / 64] >> UInt64(end % 64) & 1 != 0 }

  private func advance(_ state: inout [UInt64], _ character: UInt32) {
    let isSlash = character == Sign.slash
    var next = [UInt64](repeating: 0, count: wordCount)
    var carry: UInt64 = 0
    for word in 0..<wordCount {
      let wanted = character < 128 ? advancing[Int(character) * wordCount + word] : advancing(character, word: word)
      let moving = state[word] & wanted
      next[word] |= moving << 1 | carry | state[word] & (isSlash ? stayingAtSlash[word] : stayingElsewhere[word])
      carry = moving >> 63
      let returning = isSlash ? state[word] & insides[word] : 0
      next[word] |= returning >> 1
      if word > 0 { next[word - 1] |= returning << 63 }
    }
    state = next
    pass(&state)
  }

  private func pass(_ state: inout [UInt64]) {
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      var carry: UInt64 = 0
      for word in 0..<wordCount {
        let (once, twice) = (state[word] & passable[word], state[word] & doublyPassable[word])
        let more = state[word] | once << 1 | twice << 2 | carry
        carry = once >> 63 | twice >> 62
        hasChanged = hasChanged || more != state[word]
        state[word] = more
      }
    }
  }
}
