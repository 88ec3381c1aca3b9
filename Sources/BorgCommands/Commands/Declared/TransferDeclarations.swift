/// Command lines that are known but cannot be carried out yet: transfer.
extension CommandTable {
  static let exportTar = CommandDeclaration(
    "export-tar", title: "Write an archive as tar stream",
    positionals: [
      PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive"),
      PositionalDeclaration("FILE", .one, .text, help: "output file, \"-\" = stdout"),
      PositionalDeclaration("PATH", .zeroOrMore, .path, help: "restrict to these paths"),
    ],
    options: [
      OptionDeclaration(
        "--tar-filter", action: .value(.text), metavar: "TAR_FILTER",
        help: "external filter command; \"auto\" chooses by file name suffix"),
      OptionDeclaration("--list", help: "report every processed object"),
    ]
      + ExclusionOptions.declarations
      + [ExclusionOptions.stripDeclaration],
    epilog: """
      Writes an archive as a tar stream; the file name's suffix chooses a compression program.
      """)

  static let importTar = CommandDeclaration(
    "import-tar", title: "Create an archive from a tar stream",
    positionals: [
      PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "new archive"),
      PositionalDeclaration("TARFILE", .one, .text, help: "input file, \"-\" = stdin"),
    ],
    options: [
      OptionDeclaration(
        "--tar-filter", action: .value(.text), metavar: "TAR_FILTER", onceOnly: true,
        help: "external filter command; \"auto\" chooses by file name suffix")
    ]
      + StatisticsOptions.declarations
      + [
        OptionDeclaration("--list", help: "report every processed object"),
        OptionDeclaration(
          "--filter", action: .value(.text), metavar: "STATUSCHARS", onceOnly: true,
          help: "with --list: show only lines whose status letter is in this set"),
        OptionDeclaration("--json", help: "print the archive info as JSON"),
        OptionDeclaration("--ignore-zeros", help: "continue after end-of-archive blocks"),
        OptionDeclaration(
          "--comment", action: .value(.text), metavar: "COMMENT", group: .archive,
          help: "archive comment (placeholders are NOT expanded here)"),
        OptionDeclaration(
          "--timestamp", action: .value(.timestamp), metavar: "TIMESTAMP", group: .archive,
          help: "archive start time: UTC timestamp or path of a file whose mtime is used"),
        OptionDeclaration(
          "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS", group: .archive,
          help: "seconds between checkpoints, 0 = never"),
        OptionDeclaration(
          "--chunker-params", action: .value(.chunkerParameters), metavar: "PARAMS", group: .archive, onceOnly: true,
          help: "chunker specification (buzhash,... | fixed,... | default)"),
        OptionDeclaration(
          "-C", "--compression", action: .value(.compression), metavar: "COMPRESSION", group: .archive,
          help: "compression specification"),
      ],
    epilog: """
      Makes an archive from a tar stream; the file name's suffix chooses a decompression program.
      """)
}
