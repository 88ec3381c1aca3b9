/// Splits the words of one level (`borg`, `borg key`, `borg key export`) into options and positionals by argparse's
/// rules: unambiguous beginnings of long options, bundled flags, attached values, `--`.
struct LevelParser {
  struct Occurrence {
    let option: OptionDeclaration
    let value: [UInt8]?
    /// How many positionals stand before it on its level.
    let precedingPositionals: Int
  }

  let level: CommandDeclaration
  /// Top level and groups: the first positional is the command word, and what follows belongs to its level.
  let stopsAtFirstPositional: Bool
  private let options: [OptionDeclaration]
  private let words: [[UInt8]]
  private var index = 0

  private(set) var occurrences: [Occurrence] = []
  private(set) var positionals: [[UInt8]] = []
  private(set) var unrecognized: [[UInt8]] = []
  /// From the command word on, for groups.
  private(set) var rest: ArraySlice<[UInt8]> = []
  /// Set when `-h` or `-V` was met: nothing after it counts.
  private(set) var ending: OptionDeclaration.Action?

  init(_ level: CommandDeclaration, _ words: [[UInt8]]) {
    self.level = level
    self.words = words
    options = level.allOptions
    stopsAtFirstPositional = !level.subcommands.isEmpty
  }

  mutating func parse() throws(UsageError) {
    while index < words.count, ending == nil {
      let word = words[index]
      if word == Self.separator { return takePositionals(from: index + 1) }
      guard let match = try match(word) else {
        if isPositional(word) {
          if stopsAtFirstPositional { return rest = words[index...] }
          positionals.append(word)
          index += 1
          if remainderBegins { return takeRemainder() }
        } else {
          unrecognized.append(word)
          index += 1
        }
        continue
      }
      index += 1
      try take(match)
    }
  }

  // MARK: Positionals

  private static let separator = Array("--".utf8)

  private mutating func takePositionals(from start: Int) {
    if stopsAtFirstPositional {
      rest = words[start...]
    } else {
      positionals += words[start...]
    }
    index = words.count
  }

  /// Whether only the remainder argument of `with-lock` is left to fill.
  private var remainderBegins: Bool {
    guard case .remainder? = level.positionals.last?.arity else { return false }
    return positionals.count == level.positionals.count - 1
  }

  private mutating func takeRemainder() {
    positionals += words[index...]
    index = words.count
  }

  /// argparse: words that do not begin with `-`, a lone `-`, negative numbers, and words with a blank in them.
  private func isPositional(_ word: [UInt8]) -> Bool {
    guard word.count > 1, word[0] == UInt8(ascii: "-") else { return true }
    return word.contains(UInt8(ascii: " ")) || isNegativeNumber(word)
  }

  private func isNegativeNumber(_ word: [UInt8]) -> Bool {
    let digits = word.dropFirst()
    let isDigit = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    guard let point = digits.firstIndex(of: UInt8(ascii: ".")) else { return digits.allSatisfy(isDigit) }
    let fraction = digits[(point + 1)...]
    return digits[..<point].allSatisfy(isDigit) && !fraction.isEmpty && fraction.allSatisfy(isDigit)
  }

  // MARK: Options

  private struct Match {
    let option: OptionDeclaration
    /// The spelling that was meant.
    let name: String
    let attached: [UInt8]?
  }

  /// The option that `word` spells, exactly or by an unambiguous beginning; nil when it spells none.
  private func match(_ word: [UInt8]) throws(UsageError) -> Match? {
    guard word.count > 1, word[0] == UInt8(ascii: "-") else { return nil }
    let equals = word.firstIndex(of: UInt8(ascii: "="))
    if let match = exact(word, attached: nil) { return match }
    if let equals, let match = exact(Array(word[..<equals]), attached: Array(word[(equals + 1)...])) { return match }
    let candidates =
      word[1] == UInt8(ascii: "-") ? longCandidates(word, equals: equals) : shortCandidates(word)
    guard candidates.count > 1 else { return candidates.first }
    let spelled = String(decoding: equals.map { word[..<$0] } ?? word[...], as: UTF8.self)
    throw refusal(
      "ambiguous option: \(spelled) could match \(candidates.map(\.name).joined(separator: ", "))")
  }

  private func exact(_ name: [UInt8], attached: [UInt8]?) -> Match? {
    for option in options {
      for spelling in option.names where name.elementsEqual(spelling.utf8) {
        return Match(option: option, name: spelling, attached: attached)
      }
    }
    return nil
  }

  private func longCandidates(_ word: [UInt8], equals: Int?) -> [Match] {
    let beginning = equals.map { word[..<$0] } ?? word[...]
    let attached = equals.map { Array(word[($0 + 1)...]) }
    return options.flatMap { option in
      option.names.filter { $0.utf8.starts(with: beginning) }.map {
        Match(option: option, name: $0, attached: attached)
      }
    }
  }

  /// `-ovalue` and bundled flags.
  private func shortCandidates(_ word: [UInt8]) -> [Match] {
    let name = Array(word[..<2])
    return exact(name, attached: Array(word[2...])).map { [$0] } ?? []
  }

  private mutating func take(_ match: Match) throws(UsageError) {
    if match.option.takesValue { return try takeValue(match) }
    try record(match.option, nil)
    guard let attached = match.attached, ending == nil else { return }
    let isBundle = match.name.utf8.count == 2 && !attached.isEmpty
    guard isBundle else { throw ignored(attached, by: match.option) }
    let next = [UInt8(ascii: "-"), attached[0]]
    let rest = attached.count > 1 ? Array(attached[1...]) : nil
    guard let bundled = exact(next, attached: rest) else { throw ignored(attached, by: match.option) }
    try take(bundled)
  }

  private mutating func takeValue(_ match: Match) throws(UsageError) {
    if let attached = match.attached { return try record(match.option, attached) }
    if index < words.count, try isValue(words[index]) {
      index += 1
      return try record(match.option, words[index - 1])
    }
    guard case .optionalValue(_, let bare) = match.option.action else {
      throw refusal("argument \(match.option.displayName): expected one argument")
    }
    try record(match.option, Array(bare.utf8))
  }

  private func isValue(_ word: [UInt8]) throws(UsageError) -> Bool {
    guard word != Self.separator, try match(word) == nil else { return false }
    return isPositional(word)
  }

  private mutating func record(_ option: OptionDeclaration, _ value: [UInt8]?) throws(UsageError) {
    switch option.action {
    case .help, .version: return ending = option.action
    case .flag, .value, .optionalValue: break
    }
    if option.isOnceOnly, occurrences.contains(where: { $0.option.key == option.key }) {
      throw refusal("argument \(option.displayName): There can be only one.")
    }
    for group in level.exclusive where group.contains(option.key) {
      if let other = occurrences.first(where: { group.contains($0.option.key) && $0.option.key != option.key }) {
        throw refusal("argument \(option.displayName): not allowed with argument \(other.option.displayName)")
      }
    }
    occurrences.append(
      Occurrence(option: option, value: value, precedingPositionals: positionals.count))
  }

  private func ignored(_ value: [UInt8], by option: OptionDeclaration) -> UsageError {
    refusal(
      "argument \(option.displayName): ignored explicit argument '\(String(decoding: value, as: UTF8.self))'")
  }

  private func refusal(_ reason: String) -> UsageError { UsageError(level: level, reason: reason) }
}
