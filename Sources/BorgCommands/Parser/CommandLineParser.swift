import BorgArchive
import BorgSystem

/// What a command line asks for.
enum Invocation {
  case run(any BorgCommand.Type, ParsedArguments)
  case help(CommandDeclaration)
  case version
}

/// Reads a whole command line, level by level.
struct CommandLineParser {
  let program: Program
  let environment: Environment
  let clock: Clock

  /// Throws `UsageError`, or `ArchiveError` for bad placeholders.
  func parse(_ words: [[UInt8]]) throws -> Invocation {
    var level = program.root
    var words = words
    var outer: [LevelParser.Occurrence] = []
    var unrecognized: [[UInt8]] = []
    while true {
      var parser = LevelParser(level, words)
      try parser.parse()
      if let ending = parser.ending { return ending.isVersion ? .version : .help(level) }
      outer += parser.occurrences
      unrecognized += parser.unrecognized
      if level.subcommands.isEmpty {
        let arguments = try ArgumentBinder(
          level: level, parser: parser, occurrences: outer, environment: environment, clock: clock
        ).bind()
        try refuse(unrecognized, at: level)
        return invocation(of: level, arguments)
      }
      guard let word = parser.rest.first else {
        try refuse(unrecognized, at: level)
        return .help(level)
      }
      level = try descend(from: level, to: word)
      words = Array(parser.rest.dropFirst())
    }
  }

  private func descend(from level: CommandDeclaration, to word: [UInt8]) throws(UsageError) -> CommandDeclaration {
    let name = String(decoding: word, as: UTF8.self)
    let known = level.subcommands.map(\.name)
    guard known.contains(name) else {
      throw UsageError(level: level, reason: "argument <command>: " + invalidChoice(name, of: known))
    }
    guard let entry = CommandTable.entry(level.name.isEmpty ? name : "\(level.name) \(name)") else {
      preconditionFailure("the table lacks \(level.name) \(name)")
    }
    return entry.declaration()
  }

  private func invocation(of level: CommandDeclaration, _ arguments: ParsedArguments) -> Invocation {
    if program.role == .borgfs { return .run(MountCommand.self, arguments) }
    guard let type = CommandTable.entry(level.name)?.type else {
      preconditionFailure("the table lacks the command \(level.name)")
    }
    return .run(type, arguments)
  }

  /// argparse collects what no level knew and lets the top level complain.
  private func refuse(_ words: [[UInt8]], at level: CommandDeclaration) throws(UsageError) {
    guard !words.isEmpty else { return }
    let texts = words.map { String(decoding: $0, as: UTF8.self) }
    let known = level.allOptions.flatMap(\.names).filter { $0.hasPrefix("--") }
    let option = texts.first.map { $0.split(separator: "=", maxSplits: 1).first.map(String.init) ?? $0 }
    let hint = option.map { suggestion(for: $0, in: known) } ?? ""
    throw UsageError(
      level: program.root, reason: "unrecognized arguments: \(texts.joined(separator: " "))\(hint)")
  }
}

extension OptionDeclaration.Action {
  var isVersion: Bool {
    if case .version = self { return true }
    return false
  }
}
