import BorgSystem
import Testing

@testable import BorgCommands

struct ManualTests {
  private static let commands = (CommandTable.entries + CommandTable.grouped).map(\.name)
  private let formatter = HelpFormatter(
    Program(calledAs: Array("borg".utf8)), Environment(variables: ["COLUMNS": "80"]))

  @Test(arguments: commands)
  func `every command explains itself and its options`(name: String) throws {
    let declaration = try #require(CommandTable.entry(name)).declaration()
    #expect(!declaration.title.isEmpty)
    for option in declaration.allOptions { #expect(!option.help.isEmpty, "\(option.key)") }
    for positional in declaration.positionals where !positional.isHidden {
      #expect(!positional.help.isEmpty, "\(positional.metavar)")
    }
    let help = formatter.help(declaration)
    for option in declaration.allOptions where !option.isHidden { #expect(help.contains(option.names[0])) }
  }

  @Test func `texts are filled, lists keep their columns, examples their lines`() {
    let text = formatter.text(
      """
      Some words that
      are one paragraph.

      a    first
      bb   second, which goes on
           here

      Examples:

          borg  list
      """)
    #expect(
      text == """
        Some words that are one paragraph.

        a    first
        bb   second, which goes on here

        Examples:

            borg  list
        """)
  }

  @Test func `what roff would understand is only text`() {
    #expect(Roff.escaped("-a 'b' \\n ~^é") == "\\-a \\(aqb\\(aq \\en \\(ti\\(ha\\[u00E9]")
    var page = Roff(title: "X", section: 1, date: "2026-01-01", source: "s", volume: "v")
    page.verbatim([".TH no macro"])
    #expect(page.text.contains("\n\\&.TH no macro\n"))
  }
}
