import BorgFormat
import BorgSystem

/// `borg help [TOPIC]`: a topic's text, or a command's help. Two hidden options make what packages install: the manual
/// pages and the shells' completions, all from the declarations of the commands.
struct HelpCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "help", title: "Explain a command or a topic",
      positionals: [
        PositionalDeclaration(
          "TOPIC", .zeroOrOne, .text,
          help: "a command, or one of: " + HelpTopics.all.map(\.name).joined(separator: ", ")),
        PositionalDeclaration("SUBCOMMAND", .zeroOrOne, .text, hidden: true),
      ],
      options: [
        OptionDeclaration("--epilog-only", help: "only the text about a command"),
        OptionDeclaration("--usage-only", help: "only the usage of a command"),
        OptionDeclaration(
          "--manual", action: .value(.path), metavar: "DIR", hidden: true, help: "write all manual pages to DIR"),
        OptionDeclaration(
          "--completion", action: .value(.choice(Shell.allCases.map(\.rawValue))), metavar: "SHELL", hidden: true,
          help: "print the completion script of a shell"),
      ],
      epilog: """
        Without a TOPIC all commands are named. The words of a command may follow each other: "borg help key export".

        Examples:

            borg help create
            borg help patterns
        """)
  }

  private let topic: String?
  private let epilogOnly: Bool
  private let usageOnly: Bool
  private let manualDirectory: [UInt8]?
  private let shell: Shell?

  init(_ arguments: ParsedArguments) throws {
    let words = (arguments.texts("TOPIC") + arguments.texts("SUBCOMMAND")).map { String(decoding: $0, as: UTF8.self) }
    topic = words.isEmpty ? nil : words.joined(separator: " ")
    epilogOnly = arguments.has("--epilog-only")
    usageOnly = arguments.has("--usage-only")
    manualDirectory = arguments.bytes("--manual")
    shell = arguments.string("--completion").flatMap { Shell(rawValue: $0) }
    if let topic, !topic.isEmpty, !HelpCommand.isKnown(topic) { throw HelpCommand.refusal(topic) }
  }

  private static func isKnown(_ topic: String) -> Bool {
    HelpTopics.all.contains { $0.name == topic } || CommandTable.entry(topic) != nil
  }

  private static func refusal(_ topic: String) -> CommandLineRefusal {
    let commands = CommandTable.entries.map(\.name).sorted()
    let topics = HelpTopics.all.map(\.name)
    let known = commands + topics + CommandTable.grouped.map(\.name)
    let hint = nearest(to: topic, in: known).map { " Maybe you meant \($0)?" } ?? ""
    return CommandLineRefusal(
      """
      No help available on \(topic).\(hint)
      Try one of the following:
          Commands: \(commands.joined(separator: ", "))
          Topics: \(topics.joined(separator: ", "))
      """)
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let formatter = HelpFormatter(context.program, context.environment)
    if let manualDirectory {
      try Manual(formatter, context.environment, context.clock).write(to: manualDirectory)
    } else if let shell {
      context.console.write(CompletionTable(context.program.root).script(for: shell))
    } else {
      context.console.write(text(formatter, context.program))
    }
    return .success
  }

  private func text(_ formatter: HelpFormatter, _ program: Program) -> String {
    guard let topic, !topic.isEmpty else { return formatter.help(program.root) }
    if let text = HelpTopics.all.first(where: { $0.name == topic })?.text {
      return formatter.text(text) + "\n"
    }
    guard let declaration = CommandTable.entry(topic)?.declaration() else { return formatter.help(program.root) }
    if epilogOnly { return formatter.text(declaration.epilog) + "\n" }
    return formatter.help(declaration, withEpilog: !usageOnly)
  }
}
