/// `borg help [TOPIC]`: a topic's text, or a command's help.
struct HelpCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "help", title: "Explain a command or a topic",
      positionals: [
        PositionalDeclaration(
          "TOPIC", .zeroOrOne, .text, help: "a command, or one of: compression, patterns, placeholders")
      ],
      options: [
        OptionDeclaration("--epilog-only", help: "only the text about a command"),
        OptionDeclaration("--usage-only", help: "only the usage of a command"),
      ])
  }

  private let topic: String?
  private let epilogOnly: Bool
  private let usageOnly: Bool

  init(_ arguments: ParsedArguments) throws {
    topic = arguments.text("TOPIC").map { String(decoding: $0, as: UTF8.self) }
    epilogOnly = arguments.has("--epilog-only")
    usageOnly = arguments.has("--usage-only")
    if let topic, !topic.isEmpty, !HelpCommand.isKnown(topic) { throw HelpCommand.refusal(topic) }
  }

  private static func isKnown(_ topic: String) -> Bool {
    HelpTopics.all.contains { $0.name == topic } || CommandTable.entry(topic) != nil
  }

  private static func refusal(_ topic: String) -> CommandLineRefusal {
    let commands = CommandTable.entries.map(\.name).sorted()
    let topics = HelpTopics.all.map(\.name)
    let hint = nearest(to: topic, in: commands + topics).map { " Maybe you meant \($0)?" } ?? ""
    return CommandLineRefusal(
      """
      No help available on \(topic).\(hint)
      Try one of the following:
          Commands: \(commands.joined(separator: ", "))
          Topics: \(topics.joined(separator: ", "))
      """)
  }

  func run(in context: CommandContext) throws -> ExitCode {
    context.console.write(text(HelpFormatter(context.program, context.environment), context.program))
    return .success
  }

  private func text(_ formatter: HelpFormatter, _ program: Program) -> String {
    guard let topic, !topic.isEmpty else { return formatter.help(program.root) }
    if let text = HelpTopics.all.first(where: { $0.name == topic })?.text { return text + "\n" }
    guard let declaration = CommandTable.entry(topic)?.declaration() else { return formatter.help(program.root) }
    if epilogOnly { return declaration.epilog + "\n" }
    return formatter.help(declaration, withEpilog: !usageOnly)
  }
}
