/// Everything a command line may hold for one command: the single source of parsing, help and completion.
struct CommandDeclaration: Sendable {
  /// The words after the program's name: `key export`; empty for the top level and for borgfs.
  let name: String
  /// The line above the argument lists of `--help`.
  let title: String
  let positionals: [PositionalDeclaration]
  /// Without the common options, which every level accepts.
  let options: [OptionDeclaration]
  /// Names of options of which only one may be given.
  let exclusive: [[String]]
  /// The text that closes `--help`.
  let epilog: String
  /// Commands of a group: words and summaries.
  let subcommands: [(name: String, summary: String)]

  init(
    _ name: String, title: String, positionals: [PositionalDeclaration] = [],
    options: [OptionDeclaration] = [], exclusive: [[String]] = [], epilog: String = "",
    subcommands: [(name: String, summary: String)] = []
  ) {
    self.name = name
    self.title = title
    self.positionals = positionals
    self.options = options
    self.exclusive = exclusive
    self.epilog = epilog
    self.subcommands = subcommands
  }

  /// What the parser of this level knows, in the order of usage lines: `-V`, common options, the level's own.
  var allOptions: [OptionDeclaration] {
    options.filter(\.action.isVersion) + CommonOptions.declarations + options.filter { !$0.action.isVersion }
  }
}

/// One option of a command line.
struct OptionDeclaration: Sendable {
  enum Action: Sendable {
    case flag
    /// Takes one value.
    case value(ArgumentType)
    /// `--name[=VALUE]`: the value may be missing and is then this text.
    case optionalValue(ArgumentType, bare: String)
    /// Prints the level's help and ends.
    case help
    /// Prints the version and ends.
    case version
  }

  /// Headings under which help shows options, in this order.
  enum Group: String, Sendable, CaseIterable {
    case command = "options"
    case archiveFilter = "Archive filters"
    case exclusion = "Include/Exclude options"
    case fileSystem = "Filesystem options"
    case archive = "Archive options"
    case common = "Common options"
  }

  /// Every spelling, in the order in which messages join them.
  let names: [String]
  let action: Action
  let metavar: String?
  let help: String
  let group: Group
  let isRequired: Bool
  /// A second use is refused: "There can be only one."
  let isOnceOnly: Bool
  /// Ours, not Borg's: understood, but left out of usage lines and completions.
  let isHidden: Bool

  init(
    _ names: String..., action: Action = .flag, metavar: String? = nil, group: Group = .command,
    required: Bool = false, onceOnly: Bool = false, hidden: Bool = false, help: String
  ) {
    self.names = names
    self.action = action
    self.metavar = metavar
    self.help = help
    self.group = group
    isRequired = required
    isOnceOnly = onceOnly
    isHidden = hidden
  }

  /// The name under which parsed arguments are asked for it: its first long spelling, else its first.
  var key: String { names.first { $0.hasPrefix("--") } ?? names[0] }

  /// As error messages name it: `-a/--glob-archives`.
  var displayName: String { names.joined(separator: "/") }

  var takesValue: Bool {
    switch action {
    case .value, .optionalValue: true
    case .flag, .help, .version: false
    }
  }
}

/// One positional argument.
struct PositionalDeclaration: Sendable {
  enum Arity: Sendable {
    case one, zeroOrOne, zeroOrMore, oneOrMore
    /// Everything that follows, options included.
    case remainder
  }

  let metavar: String
  let arity: Arity
  let type: ArgumentType
  let help: String
  /// Ours, not Borg's: understood, but left out of usage lines.
  let isHidden: Bool

  init(
    _ metavar: String, _ arity: Arity = .one, _ type: ArgumentType, hidden: Bool = false, help: String = ""
  ) {
    self.metavar = metavar
    self.arity = arity
    self.type = type
    self.help = help
    isHidden = hidden
  }
}
