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
    width = min(max(columns - 2, 40), 120)
  }

  /// `borg key export`, as error messages begin.
  func programName(_ level: CommandDeclaration) -> String {
    level.name.isEmpty ? program.name : "\(program.name) \(level.name)"
  }

  // MARK: Usage

  /// `usage: borg …`, without a newline at its end. `isShort`: the common options are only mentioned.
  func usage(_ level: CommandDeclaration, isShort: Bool = false) -> String {
    let start = "usage: \(programName(level))"
    let options = isShort ? shortOptionWords(level) : optionWords(level, level.allOptions)
    let positionals = positionalWords(level)
    let line = ([start] + options + positionals).joined(separator: " ")
    if line.count <= width { return line }
    let indent = String(repeating: " ", count: start.count + 1)
    let first = wrapped(options, first: start + " ", indent: indent)
    return positionals.isEmpty ? first : first + "\n" + wrapped(positionals, first: indent, indent: indent)
  }

  private func shortOptionWords(_ level: CommandDeclaration) -> [String] {
    let version = level.options.filter(\.action.isVersion)
    return optionWords(level, version) + ["[common options]"]
      + optionWords(level, level.options.filter { !$0.action.isVersion })
  }

  /// Options as usage lines show them, those that exclude each other in one bracket.
  func optionWords(_ level: CommandDeclaration, _ options: [OptionDeclaration]) -> [String] {
    var words: [String] = []
    var done: Set<String> = []
    for option in options where !option.isHidden && !done.contains(option.key) {
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

  func invocation(_ name: String, _ option: OptionDeclaration) -> String {
    let metavar = option.metavar ?? ""
    return switch option.action {
    case .flag, .help, .version: name
    case .value: "\(name) \(metavar)"
    case .optionalValue: "\(name) [\(metavar)]"
    }
  }

  func positionalWords(_ level: CommandDeclaration) -> [String] {
    if !level.subcommands.isEmpty { return ["<command> ..."] }
    return level.positionals.filter { !$0.isHidden }.map { positional in
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
    var sections = [usage(level, isShort: withEpilog), level.title]
    if !level.subcommands.isEmpty {
      sections.append("commands:\n" + level.subcommands.map { entry($0.name, $0.summary) }.joined(separator: "\n"))
    }
    let positionals = level.positionals.filter { !$0.isHidden }.map { entry($0.metavar, $0.help) }
    if !positionals.isEmpty { sections.append("positional arguments:\n" + positionals.joined(separator: "\n")) }
    for group in OptionDeclaration.Group.allCases {
      let entries = level.allOptions.filter { $0.group == group && !$0.isHidden }.map(entry)
      if group == .common, withEpilog, !level.epilog.isEmpty { sections.append(text(level.epilog)) }
      if !entries.isEmpty { sections.append("\(group.rawValue):\n" + entries.joined(separator: "\n")) }
    }
    return sections.joined(separator: "\n\n") + "\n"
  }

  /// A help text by the terminal's width.
  func text(_ source: String) -> String {
    let text = ManualText(source)
    var blocks = text.blocks.map(laidOut)
    if !text.examples.isEmpty {
      blocks.append("Examples:")
      blocks += text.examples.map { laidOut($0).split(separator: "\n").map { "    " + $0 }.joined(separator: "\n") }
    }
    return blocks.joined(separator: "\n\n")
  }

  private func laidOut(_ block: ManualText.Block) -> String {
    switch block {
    case .paragraph(let text): return wrapped(words(text), first: "", indent: "")
    case .verbatim(let lines): return lines.joined(separator: "\n")
    case .definitions(let column, let entries):
      let margin = String(repeating: " ", count: column)
      return entries.map { term, text in
        guard term.count + 2 <= column else { return term + "\n" + wrapped(words(text), first: margin, indent: margin) }
        let padding = String(repeating: " ", count: column - term.count)
        return wrapped(words(text), first: term + padding, indent: margin)
      }.joined(separator: "\n")
    }
  }

  private func words(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

  private func entry(_ option: OptionDeclaration) -> String {
    entry(option.names.map { invocation($0, option) }.joined(separator: ", "), option.help)
  }

  private func entry(_ heading: String, _ text: String, indent: Int = 2) -> String {
    let margin = String(repeating: " ", count: HelpFormatter.helpColumn)
    let start = String(repeating: " ", count: indent) + heading
    let words = words(text)
    guard !words.isEmpty else { return start }
    guard start.count + 2 <= HelpFormatter.helpColumn else {
      return start + "\n" + wrapped(words, first: margin, indent: margin)
    }
    let padding = String(repeating: " ", count: HelpFormatter.helpColumn - start.count)
    return wrapped(words, first: start + padding, indent: margin)
  }
}
