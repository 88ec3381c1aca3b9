/// The shells for which there are completion scripts.
enum Shell: String, CaseIterable, Sendable {
  case bash, zsh, fish
}

/// What may stand where a word is completed.
enum CompletionKind: Equatable {
  /// Nothing that could be known.
  case nothing
  case files
  case directories
  /// A directory, or another location of a repository.
  case repository
  /// `REPOSITORY::ARCHIVE`, with the archives that the repository holds.
  case archive
  case repositoryOrArchive
  /// An archive's name alone; the repository is in the first positional.
  case archiveName
  case program
  case words([String])
  /// Some of these words, with commas between them.
  case list([String])
}

/// The declarations of all commands as completion scripts need them. The scripts are written from it alone.
struct CompletionTable {
  struct Option {
    let names: [String]
    let help: String
    /// Nil for flags.
    let value: CompletionKind?
    let isValueOptional: Bool
    let isRepeatable: Bool
  }

  struct Level {
    /// `key export`; empty for the top level.
    let name: String
    let options: [Option]
    let positionals: [(kind: CompletionKind, metavar: String, repeats: Bool)]
    let subcommands: [(name: String, summary: String)]
  }

  let levels: [Level]
  /// What borgfs understands.
  let borgfs: Level
  /// Understood on every level.
  let common: [Option]

  init(_ root: CommandDeclaration) {
    let entries = CommandTable.entries + CommandTable.grouped
    levels = ([CommandTable.root] + entries.map { $0.declaration() }).map(CompletionTable.level)
    borgfs = CompletionTable.level(CommandTable.borgfs)
    common = CommonOptions.declarations.map(CompletionTable.option)
  }

  func script(for shell: Shell) -> String {
    switch shell {
    case .bash: BashCompletion(self).script
    case .zsh: ZshCompletion(self).script
    case .fish: FishCompletion(self).script
    }
  }

  private static func level(_ declaration: CommandDeclaration) -> Level {
    Level(
      name: declaration.name,
      options: declaration.options.filter { !$0.isHidden }.map(option),
      positionals: declaration.positionals.filter { !$0.isHidden }.map { positional in
        (kind(positional, of: declaration.name), positional.metavar, repeats(positional.arity))
      },
      subcommands: declaration.subcommands)
  }

  private static func repeats(_ arity: PositionalDeclaration.Arity) -> Bool {
    switch arity {
    case .one, .zeroOrOne: false
    case .zeroOrMore, .oneOrMore, .remainder: true
    }
  }

  private static func option(_ declaration: OptionDeclaration) -> Option {
    let value: CompletionKind?
    var isValueOptional = false
    switch declaration.action {
    case .flag, .help, .version: value = nil
    case .value(let type): value = kind(type, declaration.metavar ?? "", declaration.key)
    case .optionalValue(let type, _):
      value = kind(type, declaration.metavar ?? "", declaration.key)
      isValueOptional = true
    }
    return Option(
      names: declaration.names, help: declaration.help, value: value, isValueOptional: isValueOptional,
      isRepeatable: !declaration.isOnceOnly)
  }

  // MARK: Kinds

  private static func kind(_ positional: PositionalDeclaration, of command: String) -> CompletionKind {
    switch (command, positional.metavar) {
    case ("help", _): .words(CommandTable.entries.map(\.name) + HelpTopics.all.map(\.name))
    case ("config", "NAME"):
      .words(
        [
          "additional_free_space", "append_only", "id", "last_segment_checked", "max_segment_size", "segments_per_dir",
          "storage_quota", "previous_location",
        ])
    case ("with-lock", "COMMAND"): .program
    case ("delete", "ARCHIVE"), ("diff", "ARCHIVE2"): .archiveName
    case ("mount", "MOUNTPOINT"), ("umount", "MOUNTPOINT"), ("", "MOUNTPOINT"): .directories
    case ("extract", "PATH"), ("list", "PATH"), ("diff", "PATH"), ("recreate", "PATH"),
      ("find", "PATH"):
      .nothing
    default: kind(positional.type, positional.metavar, positional.metavar)
    }
  }

  private static func kind(_ type: ArgumentType, _ metavar: String, _ key: String) -> CompletionKind {
    switch type {
    case .location(.required, _): .archive
    case .location(.optional, _): .repositoryOrArchive
    case .location(.forbidden, _): .repository
    case .choice(let choices): .words(choices)
    case .archiveName, .integer, .positiveInteger, .nonNegativeInteger, .octal, .interval, .storageQuota, .fileSize:
      .nothing
    case .compression: .words(compressions)
    case .chunkerParameters: .words(["default", "buzhash,19,23,21,4095", "buzhash,10,23,16,4095", "fixed,4194304"])
    case .filesCacheMode:
      .words(["ctime,size,inode", "mtime,size,inode", "ctime,size", "mtime,size", "rechunk,ctime", "disabled"])
    case .archiveSortKeys: .list(["timestamp", "archive", "name", "id"])
    case .differenceSortKeys: .list(DifferenceOrder.Field.allCases.map(\.rawValue))
    case .timestamp, .path: .files
    case .expanded: key == "--remote-path" ? .program : .nothing
    case .text: text(metavar, key)
    }
  }

  private static func text(_ metavar: String, _ key: String) -> CompletionKind {
    switch metavar {
    case "EXCLUDEFILE", "PATTERNFILE", "PATH", "FILE", "TARFILE", "INPUT", "OUTPUT": .files
    case "TAR_FILTER": .words(["auto", "gzip", "bzip2", "xz", "lz4", "zstd"])
    case "RSH", "ARGS": .program
    default: key == "-o" ? .list(mountOptions) : .nothing
    }
  }

  private static let compressions = [
    "none", "lz4", "zstd", "zstd,3", "zstd,10", "zlib", "zlib,6", "lzma", "lzma,6", "auto,lz4", "auto,zstd",
    "auto,zlib", "auto,lzma", "obfuscate,250,lz4", "obfuscate,250,zstd",
  ]

  private static let mountOptions = [
    "versions", "allow_damaged_files", "ignore_permissions", "allow_other", "uid=", "gid=", "umask=",
  ]
}
