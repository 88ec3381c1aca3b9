import BorgSystem
import Testing

@testable import BorgCommands

/// What a client's wish may change where ssh forces `borg serve` (SSH_ORIGINAL_COMMAND).
@Suite struct OriginalCommandTests {
  private let parser = CommandLineParser(
    program: Program(calledAs: Array("borg".utf8)), environment: Environment(variables: [:]), clock: .system)

  private func forced(_ words: String...) throws -> ParsedArguments {
    guard case .run(_, let arguments) = try parser.parse(words.map { Array($0.utf8) }) else {
      throw UsageError(level: parser.program.root, reason: "no command")
    }
    return arguments
  }

  private func merged(_ text: String, into arguments: ParsedArguments) throws -> ParsedArguments? {
    guard case .run(let type, let merged) = try OriginalCommand(parser: parser, text: text).merged(into: arguments),
      type is ServeCommand.Type
    else { return nil }
    return merged
  }

  @Test func `only the log level is the client's to say`() throws {
    let ours = try forced(
      "serve", "--restrict-to-path", "/srv", "--append-only", "--storage-quota", "10M", "--umask", "027", "--debug")
    let text = "X=1 borg serve --restrict-to-path / --storage-quota 0 --umask 0 --info --debug-topic repository"
    let result = try #require(try merged(text, into: ours))
    #expect(result.allBytes("--restrict-to-path") == [Array("/srv".utf8)])
    #expect(result.integer("--storage-quota") == 10_000_000)
    #expect(result.integer("--umask") == 0o027)
    #expect(CommonOptions(result).logLevel == .info)
    #expect(CommonOptions(result).debugTopics == ["borg.debug.repository"])
    #expect(CommonOptions(try #require(try merged("borg serve", into: ours))).logLevel == .warning)
  }

  @Test func `another command is ignored, text that is none ends the server`() throws {
    let ours = try forced("serve", "--debug")
    #expect(CommonOptions(try #require(try merged("borg list /x", into: ours))).logLevel == .debug)
    for text in ["ls -la /", "borg serve --no-such-option", "borg 'serve", "borg no-such-command"] {
      #expect(throws: UsageError.self) { try merged(text, into: ours) }
    }
    // Nothing at all is a wish for help.
    #expect(try merged("", into: ours) == nil)
  }
}
