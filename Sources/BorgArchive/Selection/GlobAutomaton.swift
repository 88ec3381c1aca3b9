import BorgFormat

/// A compiled glob: all its parts are tried at once, one bit each, so that a match takes time proportional to the
/// path's length whatever the pattern.
///
/// Bit i of a state says that the path so far has brought the match before position i. A character or set takes one
/// position, `**/` takes two: its first stands at the beginning of a directory's name, its second inside it. A star
/// takes none: it lets the position after it stay. The literal characters at the pattern's start are compared apart.
final class GlobAutomaton: Sendable {
  private let prefix: [UInt8]
  /// Words of 64 positions.
  private let wordCount: Int
  private let table: GlobTable
  private let end: Int
  /// Reaching the end matches whatever follows.
  private let isOpenEnded: Bool

  /// Throws `ArchiveError.plain` for a pattern that cannot be.
  init(_ pattern: [UInt8], _ dialect: GlobDialect) throws {
    var tokens = ArraySlice(try GlobParser.tokens(pattern, dialect))
    isOpenEnded = Self.removeOpenEnd(&tokens)
    var prefix: [UInt8] = []
    while case .character(let character)? = tokens.first, Unicode.Scalar(character) != nil {
      prefix += UTF8Sequence.bytes([character])
      tokens.removeFirst()
    }
    self.prefix = prefix
    end = tokens.reduce(0) { $0 + $1.positionCount }
    wordCount = end / 64 + 1
    table = GlobTable(tokens, wordCount: wordCount)
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
}

// MARK: - Matching

extension GlobAutomaton {
  /// Whether the whole text matches, with a slash added to it in thought when `appendingSlash`.
  func matches(_ text: UnsafeRawBufferPointer, appendingSlash: Bool) -> Bool {
    let count = text.count + (appendingSlash ? 1 : 0)
    guard prefix.count <= count else { return false }
    let compared = min(prefix.count, text.count)
    guard prefix.isSame(as: text, count: compared) else { return false }
    let hasUsedSlash = prefix.count > text.count
    if hasUsedSlash, prefix.last != UInt8(ascii: "/") { return false }
    let rest = UnsafeRawBufferPointer(rebasing: text[compared...])
    let addsSlash = appendingSlash && !hasUsedSlash
    return wordCount == 1 ? matchesInOneWord(rest, addsSlash) : matchesInManyWords(rest, addsSlash)
  }

  private func matchesInOneWord(_ text: UnsafeRawBufferPointer, _ addsSlash: Bool) -> Bool {
    let (atSlash, elsewhere) = (table.stayingAtSlash[0], table.stayingElsewhere[0])
    let (insides, beginnings) = (table.insides[0], table.beginnings[0])
    let final = UInt64(1) << UInt64(end)
    let open = isOpenEnded ? final : 0
    var state = Self.passing(1, beginnings)
    return table.advancing.withUnsafeBufferPointer { advancing in
      var offset = 0
      while offset < text.count, state & open == 0, state != 0 {
        let byte = text[offset]
        if byte == UInt8(ascii: "/") {
          state = (state & advancing[0x2f]) << 1 | state & atSlash | (state & insides) >> 1
          offset += 1
        } else if byte < 0x80 {
          state = (state & advancing[Int(byte)]) << 1 | state & elsewhere
          offset += 1
        } else {
          let others = table.advancing(UTF8Sequence.next(text, at: &offset), word: 0)
          state = (state & others) << 1 | state & elsewhere
        }
        if beginnings != 0 { state = Self.passing(state, beginnings) }
      }
      if addsSlash, state & open == 0 {
        state = (state & advancing[0x2f]) << 1 | state & atSlash | (state & insides) >> 1
        state = Self.passing(state, beginnings)
      }
      return state & final != 0
    }
  }

  /// Adds the positions behind `**/`, which may match nothing.
  @inline(__always)
  private static func passing(_ state: UInt64, _ beginnings: UInt64) -> UInt64 {
    var state = state
    while true {
      let more = (state & beginnings) << 2
      if more & ~state == 0 { return state }
      state |= more
    }
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
      let moving = state[word] & table.advancing(character, word: word)
      let staying = state[word] & (isSlash ? table.stayingAtSlash[word] : table.stayingElsewhere[word])
      next[word] |= moving << 1 | carry | staying
      carry = moving >> 63
      let returning = isSlash ? state[word] & table.insides[word] : 0
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
        let passing = state[word] & table.beginnings[word]
        let more = state[word] | passing << 2 | carry
        carry = passing >> 62
        hasChanged = hasChanged || more != state[word]
        state[word] = more
      }
    }
  }
}
