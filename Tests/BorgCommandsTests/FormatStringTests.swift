import BorgArchive
import Testing

@testable import BorgCommands

@Suite struct FormatStringTests {
  @Test func `literals, doubled braces and fields come apart`() throws {
    let format = try FormatString(parsing: Array("a{{b}}{path:>5}{size!s:3}{id}\\n".utf8))
    #expect(
      format.parts == [
        .literal(Array("a{b}".utf8)), .field(name: "path", spec: ">5", .none),
        .field(name: "size", spec: "3", .text), .field(name: "id", spec: "", .none),
        .literal(Array("\\n".utf8)),
      ])
    #expect(format.names == ["path", "size", "id"])
  }

  @Test(
    arguments: [
      ("{x", "expected '}' before end of string"), ("x}", "Single '}' encountered in format string"),
      ("{", "Single '{' encountered in format string"), ("{}", "Format string contains positional fields"),
      ("{0}", "Format string contains positional fields"), ("{x!q}", "Unknown conversion specifier q"),
      ("{x:{y}}", "fields inside fields are not supported"),
    ])
  func `broken formats are refused`(format: String, reason: String) {
    #expect(throws: ArchiveError.plain("Invalid format string: \(reason)")) {
      try FormatString(parsing: Array(format.utf8))
    }
  }

  @Test func `bytes that are no text stay as they are`() throws {
    #expect(try FormatString(parsing: [0xff, 0x7b, 0x7b]).parts == [.literal([0xff, 0x7b])])
  }
}
