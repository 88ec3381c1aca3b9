import BorgSystem
import Glibc

/// Usage lines and help texts from declarations, laid out as argparse lays them out.
struct HelpFormatter {
  /// Where explanations begin, in columns.
  private static let helpColumn = 24

  private let program: Program
  private let width: Int

  init(_ program: Program, _ environment: Environment) {
    self.program = program
    let columns = environment["COLUMNS"].flatMap { Int($0) } ?? Terminal.columns(STDOUT_FILENO) ?? 80
    width = max(columns - 2, 40)
  }

  /// `borg key export`, as error messages begin.
  func programName(_ level: CommandDeclaration) -> String {
    level.name.isEmpty ? program.name : "\(program.name) \(level.name)"
  }

  // MARK: Usage

  /// `usage: borg …`, without a newline at its end.
  func usage(_ level: CommandDeclaration) -> String {
    let start = "usage: \(programName(level))"
    let options = optionWords(level)
    let positionals = positionalWords(level)
    let line = ([start] + options + positionals).joined(separator: " ")
    if line.count <= width { return line }
    let indent = String(repeating: " ", count: start.count + 1)
    let first = wrapped(options, first: start + " ", indent: indent)
    return positionals.isEmpty ? first : first + "\n" + wrapped(positionals, first: indent, indent: indent)
  }

  private func optionWords(_ level: CommandDeclaration) -> [String] {
    var words: [String] = []
    var done: Set<String> = []
    for option in level.allOptions where !done.contains(option.key) {
      if let group = level.exclusive.first(where: { $0.contains(option.key) }) {
        let members = level.options.filter { group.contains($0.key) }
        done.formUnion(group)
        words.append("[" + members.map(bareUsage).joined(separator: " | ") + "]")
      } else {
        words.append(option.isRequired ? bareUsage(option) : "[\(bareUsage(option))]")
      }
    }
    return words
  }

  private func bareUsage(_ option: OptionDeclaration) -> String { invocation(option.names[0], option) }

  private func invocation(_ name: String, _ option: OptionDeclaration) -> String {
    let metavar = option.metavar ?? ""
    return switch option.action {
    case .flag, .help, .version: name
    case .value: "\(name) \(metavar)"
    case .optionalValue: "\(name) [\(metavar)]"
    }
  }

  private func positionalWords(_ level: CommandDeclaration) -> [String] {
    if !level.subcommands.isEmpty { return ["<command> ..."] }
    return level.positionals.map { positional in
      switch positional.arity {
      case .one: positional.metavar
      case .zeroOrOne: "[\(positional.metavar)]"
      case .zeroOrMore: "[\(positional.metavar) ...]"
      case .oneOrMore: "\(positional.metavar) [\(positional.metavar) ...]"
      case .remainder: "..."
      }
    }
  }

  /// Words that are not broken themselves, on as many lines as they need.
  private func wrapped(_ words: [String], first: String, indent: String) -> String {
    var lines: [String] = []
    var line = first
    var isEmpty = true
    for word in words {
      if !isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = indent
        isEmpty = true
      }
      line += isEmpty ? word : " " + word
      isEmpty = false
    }
    return (lines + [line]).joined(separator: "\n")
  }

  // MARK: Help

  /// The whole text of `--help`.
  func help(_ level: CommandDeclaration, withEpilog: Bool = true) -> String {
    var sections = [usage(level), level.title]
    let positionals = level.positionals.map { entry($0.metavar, $0.help) }
    if !positionals.isEmpty { sections.append("positional arguments:\n" + positionals.joined(separator: "\n")) }
    for group in OptionDeclaration.Group.allCases {
      let entries = level.allOptions.filter { $0.group == group }.map(entry)
      if !entries.isEmpty { sections.append("\(group.rawValue):\n" + entries.joined(separator: "\n")) }
    }
    if !level.subcommands.isEmpty {
      let entries = level.subcommands.map { entry($0.name, $0.summary, indent: 4) }
      sections.append("required arguments:\n  <command>\n" + entries.joined(separator: "\n"))
    }
    if withEpilog, !level.epilog.isEmpty { sections.append(level.epilog) }
    return sections.joined(separator: "\n\n") + "\n"
  }

  private func entry(_ option: OptionDeclaration) -> String {
    entry(option.names.map { invocation($0, option) }.joined(separator: ", "), option.help)
  }

  private func entry(_ heading: String, _ text: String, indent: Int = 2) -> String {
    let margin = String(repeating: " ", count: HelpFormatter.helpColumn)
    let start = String(repeating: " ", count: indent) + heading
    let words = text.split(separator: " ").map(String.init)
    guard !words.isEmpty else { return start }
    guard start.count + 2 <= HelpFormatter.helpColumn else {
      return start + "\n" + wrapped(words, first: margin, indent: margin)
    }
    let padding = String(repeating: " ", count: HelpFormatter.helpColumn - start.count)
    return wrapped(words, first: start + padding, indent: margin)
  }
}
