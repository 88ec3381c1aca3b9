import BorgArchive
import BorgFormat

/// Which archives of a repository are meant (cli.md section 9).
struct ArchiveFilterOptions: Sendable {
  var selection = ArchiveSelection()
  /// Whether any option narrows the archives down; --sort-by alone does not.
  let isGiven: Bool

  init(_ arguments: ParsedArguments) {
    let prefix = arguments.bytes("--prefix")
    let glob = arguments.bytes("--glob-archives")
    selection.glob = prefix.map { $0 + [UInt8(ascii: "*")] } ?? glob.flatMap { $0.isEmpty ? nil : $0 }
    if case .sortKeys(let keys)? = arguments.value("--sort-by") { selection.sortKeys = keys }
    selection.first = arguments.integer("--first")
    selection.last = arguments.integer("--last")
    selection.considersCheckpoints = arguments.has("--consider-checkpoints")
    isGiven = selection.glob != nil || selection.first != nil || selection.last != nil
  }

  static let exclusive = [["--prefix", "--glob-archives"], ["--first", "--last"]]

  static let patternDeclarations: [OptionDeclaration] = [
    OptionDeclaration(
      "-P", "--prefix", action: .value(.expanded), metavar: "PREFIX", group: .archiveFilter, onceOnly: true,
      help: "only archives whose names begin with this (deprecated)"),
    OptionDeclaration(
      "-a", "--glob-archives", action: .value(.expanded), metavar: "GLOB", group: .archiveFilter, onceOnly: true,
      help: "only archives whose names match this shell glob, see \"borg help patterns\""),
  ]

  static let declarations: [OptionDeclaration] =
    patternDeclarations + [
      OptionDeclaration(
        "--sort-by", action: .value(.archiveSortKeys), metavar: "KEYS", group: .archiveFilter,
        help: "sort archives by these keys, comma-separated: timestamp, archive, name, id (default: timestamp)"),
      OptionDeclaration(
        "--first", action: .value(.positiveInteger), metavar: "N", group: .archiveFilter,
        help: "only the first N of the selected archives"),
      OptionDeclaration(
        "--last", action: .value(.positiveInteger), metavar: "N", group: .archiveFilter,
        help: "only the last N of the selected archives"),
    ]
}
