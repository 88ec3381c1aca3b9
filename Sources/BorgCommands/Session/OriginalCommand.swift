import BorgSystem

/// The command that an ssh client asked for where the server's administrator has forced another (remote.md 4.2). It is
/// foreign text: only how much is logged may come from it.
struct OriginalCommand {
  static let variable = "SSH_ORIGINAL_COMMAND"
  private static let heededOptions: Set<String> = [
    "--critical", "--error", "--warning", "--info", "--debug", "--debug-topic", "--lock-wait",
  ]

  let parser: CommandLineParser
  let text: String

  /// The forced `serve` with what is heeded of the client's; only a client's `serve` is. Throws `UsageError` when the
  /// text is no command line of Borg's.
  func merged(into forced: ParsedArguments) throws -> Invocation {
    guard let words = shellWords(text) else {
      throw UsageError(level: parser.program.root, reason: "\(OriginalCommand.variable) cannot be split into words")
    }
    let line = words.drop { $0.utf8.contains(UInt8(ascii: "=")) }.dropFirst()
    let invocation = try parser.parse(line.map { Array($0.utf8) })
    switch invocation {
    case .version, .help: return invocation
    case .run(let type, let arguments) where type is ServeCommand.Type:
      var merged = forced
      merged.options.removeAll { OriginalCommand.heededOptions.contains($0.key) }
      merged.options += arguments.options.filter { OriginalCommand.heededOptions.contains($0.key) }
      return .run(ServeCommand.self, merged)
    case .run: return .run(ServeCommand.self, forced)
    }
  }
}
