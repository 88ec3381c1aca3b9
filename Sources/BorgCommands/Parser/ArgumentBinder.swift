import BorgArchive
import BorgSystem

/// Gives the words of a command line to the declared arguments and converts them.
struct ArgumentBinder {
  let level: CommandDeclaration
  let parser: LevelParser
  /// Of all levels, outermost first.
  let occurrences: [LevelParser.Occurrence]
  let environment: Environment
  let clock: Clock

  /// Throws `UsageError`, or `ArchiveError` for bad placeholders.
  func bind() throws -> ParsedArguments {
    let words = try distribute()
    let converter = try ArgumentConverter(environment: environment, now: now())
    var arguments = ParsedArguments()
    for occurrence in occurrences {
      let value = try occurrence.value.map { try convert($0, for: occurrence.option, with: converter) }
      arguments.options.append(
        ParsedArguments.Option(
          key: occurrence.option.key, value: value, precedingPositionals: occurrence.precedingPositionals))
    }
    for (positional, texts) in words {
      arguments.positionals[positional.metavar] = try texts.map { text in
        try refusing(positional.metavar) { try converter.convert(text, to: positional.type) }
      }
    }
    return arguments
  }

  // MARK: Positionals

  private func distribute() throws(UsageError) -> [(PositionalDeclaration, [[UInt8]])] {
    var words = parser.positionals[...]
    var result: [(PositionalDeclaration, [[UInt8]])] = []
    var missing: [String] = []
    for (index, positional) in level.positionals.enumerated() {
      let needed = level.positionals[(index + 1)...].reduce(0) { $0 + $1.arity.minimum }
      let taken = take(positional.arity, from: &words, leaving: needed)
      if taken.count < positional.arity.minimum || (!missing.isEmpty && positional.arity.isListedWhenMissing) {
        missing.append(positional.metavar)
      }
      result.append((positional, taken.isEmpty ? defaults(positional) : taken))
    }
    missing = requiredOptionsMissing + missing
    guard missing.isEmpty else {
      throw UsageError(
        level: level, reason: "the following arguments are required: \(missing.joined(separator: ", "))")
    }
    guard words.isEmpty else {
      let texts = words.map { String(decoding: $0, as: UTF8.self) }
      throw UsageError(level: level, reason: "unrecognized arguments: \(texts.joined(separator: " "))")
    }
    return result
  }

  private func take(
    _ arity: PositionalDeclaration.Arity, from words: inout ArraySlice<[UInt8]>, leaving needed: Int
  ) -> [[UInt8]] {
    let available = max(0, words.count - needed)
    let count =
      switch arity {
      case .one: min(1, words.count)
      case .zeroOrOne: min(1, available)
      case .zeroOrMore, .oneOrMore, .remainder: available
      }
    defer { words = words.dropFirst(count) }
    return Array(words.prefix(count))
  }

  /// A location that may be missing comes from BORG_REPO, which the empty text stands for.
  private func defaults(_ positional: PositionalDeclaration) -> [[UInt8]] {
    if case .zeroOrOne = positional.arity, case .location = positional.type { return [[]] }
    return []
  }

  private var requiredOptionsMissing: [String] {
    level.options.filter { option in option.isRequired && !occurrences.contains { $0.option.key == option.key } }
      .map(\.displayName)
  }

  // MARK: Values

  /// The time that `{now}` stands for.
  private func now() throws -> Int64 {
    guard let occurrence = occurrences.last(where: { $0.option.key == "--timestamp" }), let text = occurrence.value
    else { return clock.now() }
    return try refusing(occurrence.option.displayName) { try TimestampArgument.parse(text) }
  }

  private func convert(
    _ text: [UInt8], for option: OptionDeclaration, with converter: ArgumentConverter
  ) throws -> ArgumentValue {
    switch option.action {
    case .value(let type), .optionalValue(let type, _):
      try refusing(option.displayName) { try converter.convert(text, to: type) }
    case .flag, .help, .version: .text(text)
    }
  }

  private func refusing<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let refusal as ArgumentRefusal {
      throw UsageError(level: level, reason: "argument \(name): \(refusal.reason)")
    }
  }
}

extension PositionalDeclaration.Arity {
  var minimum: Int {
    switch self {
    case .one, .oneOrMore: 1
    case .zeroOrOne, .zeroOrMore, .remainder: 0
    }
  }

  /// argparse names these too once an earlier argument is missing.
  var isListedWhenMissing: Bool {
    switch self {
    case .zeroOrMore, .oneOrMore, .one, .remainder: true
    case .zeroOrOne: false
    }
  }
}
