import BorgRepository
import BorgSystem
import Testing

@testable import BorgCommands

struct CommandLineParserTests {
  private func parse(_ line: String) throws -> ParsedArguments {
    let environment = Environment(variables: ["BORG_REPO": "/default"])
    let parser = CommandLineParser(
      program: Program(calledAs: Array("borg".utf8)), environment: environment, clock: .system)
    let words = try #require(shellWords(line)).map { Array($0.utf8) }
    guard case .run(_, let arguments) = try parser.parse(words) else { throw UnexpectedInvocation() }
    return arguments
  }

  private struct UnexpectedInvocation: Error {}

  private func refusal(_ line: String) -> String? {
    do {
      _ = try parse(line)
      return nil
    } catch let error as UsageError {
      return (error.level.name.isEmpty ? "" : error.level.name + ": ") + error.reason
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    ("list --js r", "list: ambiguous option: --js could match --json, --json-lines"),
    ("list --lock-wait x r", "list: argument --lock-wait: invalid int value: 'x'"),
    ("list --lock-wait", "list: argument --lock-wait: expected one argument"),
    ("create", "create: the following arguments are required: ARCHIVE, PATH"),
    ("mount r", "mount: the following arguments are required: MOUNTPOINT, PATH"),
    ("init r", "init: the following arguments are required: -e/--encryption"),
    ("list --first 0 r", "list: argument --first: A positive integer is required: 0"),
    ("list --first 1 --last 2 r", "list: argument --last: not allowed with argument --first"),
    ("list -P a -P b r", "list: argument -P/--prefix: There can be only one."),
    ("info --json=3 r", "info: argument --json: ignored explicit argument '3'"),
    ("list -vq r", "list: argument --info/-v/--verbose: ignored explicit argument 'q'"),
    ("list --sort-by foo r", "list: argument --sort-by: Invalid sort key: foo"),
    ("list --sort-by nmae r", "list: argument --sort-by: Invalid sort key: nmae (maybe you meant name?)"),
    ("create -C zst,3 r::a", "create: argument -C/--compression: unsupported compression type (maybe you meant zstd?)"),
    ("create r p", "create: argument ARCHIVE: \"r\": No archive specified"),
    ("init -e none r::a", "init: argument REPOSITORY: \"r::a\": No archive can be specified"),
    ("create r::a ''", "create: argument PATH: Empty strings are not accepted as paths."),
    ("rename r::a b/c", "rename: argument NEWNAME: Invalid archive name: \"b/c\""),
    ("create --timestamp x r::a p", "create: argument --timestamp: invalid timestamp value: 'x'"),
    (
      "create --files-changed foo r::a p",
      "create: argument --files-changed: invalid choice: 'foo' (choose from 'ctime', 'mtime', 'disabled')"
    ),
    (
      "init -e none --storage-quota 1M q",
      "init: argument --storage-quota: quota is too small (1M). At least 10M are required."
    ),
    ("list a -x", "unrecognized arguments: -x"),
    ("list --jsno r", "unrecognized arguments: --jsno (maybe you meant --json?)"),
  ])
  func `a bad command line is refused in argparse's words`(line: String, reason: String) {
    #expect(refusal(line) == reason)
  }

  @Test func `a mistyped command suggests the nearest one`() throws {
    let reason = try #require(refusal("lsit"))
    #expect(reason.hasPrefix("argument <command>: invalid choice: 'lsit', maybe you meant 'list'? (choose from "))
  }

  @Test func `flags are bundled and values attached`() throws {
    let arguments = try parse("create -vp -Czstd,3 -e=x --exclude y --stat r::a p")
    #expect(arguments.has("--info"))
    #expect(arguments.has("--progress"))
    #expect(arguments.has("--stats"))
    #expect(arguments.allBytes("--exclude").map { String(decoding: $0, as: UTF8.self) } == ["x", "y"])
  }

  @Test func `options of outer levels come first, so that the nearest wins`() throws {
    let arguments = try parse("--debug --lock-wait 5 list r --info --lock-wait 7")
    #expect(CommonOptions(arguments).logLevel == .info)
    #expect(CommonOptions(arguments).lockWaitSeconds == 7)
  }

  @Test func `words behind a double dash are no options`() throws {
    let arguments = try parse("create r::a -- -file --list")
    #expect(arguments.texts("PATH").map { String(decoding: $0, as: UTF8.self) } == ["-file", "--list"])
  }

  @Test func `values may begin with a dash when they hold a blank or are numbers`() throws {
    let arguments = try parse("create --pattern '- foo' --checkpoint-interval -1 r::a p")
    #expect(arguments.string("--pattern") == "- foo")
    #expect(refusal("create --pattern -foo r::a p") == "create: argument --pattern: expected one argument")
  }

  @Test func `a missing repository is that of the environment`() throws {
    #expect(try parse("list").location("REPOSITORY_OR_ARCHIVE").canonicalPath == "/default")
    let location = try parse("list ::a::b").location("REPOSITORY_OR_ARCHIVE")
    #expect(location.archive == Array("a::b".utf8))
  }

  @Test func `options may stand between positionals`() throws {
    let arguments = try parse("create r::a --list p q")
    #expect(arguments.texts("PATH").count == 2)
  }
}
