/// Command lines that are known but cannot be carried out yet: maintenance.
extension CommandTable {
  static let recreate = CommandDeclaration(
    "recreate", title: "Rewrite archives",
    positionals: [
      PositionalDeclaration("REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive"),
      PositionalDeclaration("PATH", .zeroOrMore, .path, help: "keep only these paths"),
    ],
    options: [
      OptionDeclaration("--list", help: "report every processed object"),
      OptionDeclaration(
        "--filter", action: .value(.text), metavar: "STATUSCHARS", onceOnly: true,
        help: "with --list: show only lines whose status letter is in this set"),
      OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
      OptionDeclaration("-s", "--stats", help: "print statistics at the end"),
    ]
      + ExclusionOptions.declarations
      + ExclusionOptions.tagDeclarations
      + [
        OptionDeclaration(
          "--target", action: .value(.archiveName), metavar: "TARGET", group: .archive,
          help: "write a new archive of this name and keep the original"),
        OptionDeclaration(
          "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS", group: .archive,
          help: "seconds between checkpoints, 0 = never"),
        OptionDeclaration(
          "--comment", action: .value(.expanded), metavar: "COMMENT", group: .archive,
          help: "new comment (placeholders are expanded); default keep"),
        OptionDeclaration(
          "--timestamp", action: .value(.timestamp), metavar: "TIMESTAMP", group: .archive,
          help: "archive start time: UTC timestamp or path of a file whose mtime is used"),
        OptionDeclaration(
          "-C", "--compression", action: .value(.compression), metavar: "COMPRESSION", group: .archive,
          help: "compression specification"),
        OptionDeclaration(
          "--recompress", action: .optionalValue(.choice(["never", "if-different", "always"]), bare: "if-different"),
          metavar: "MODE", group: .archive, help: "when to recompress chunks; without value: if-different"),
        OptionDeclaration(
          "--chunker-params", action: .value(.chunkerParameters), metavar: "PARAMS", group: .archive, onceOnly: true,
          help: "re-chunk with these parameters"),
      ],
    epilog: """
      Rewrites archives: leaves out paths, changes comments, recompresses or cuts chunks anew. The original is replaced
      when its successor is complete.
      """)

  static let upgrade = CommandDeclaration(
    "upgrade", title: "Upgrade repository format / TAM state",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
    ],
    options: [
      OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
      OptionDeclaration("--inplace", help: "do not make a hardlink copy first"),
      OptionDeclaration("--force", help: "with --tam/--archives-tam: accept an unauthenticated manifest"),
      OptionDeclaration("--tam", help: "require manifest authentication"),
      OptionDeclaration("--check-tam", help: "report manifest authentication state"),
      OptionDeclaration("--disable-tam", help: "stop requiring manifest authentication"),
      OptionDeclaration("--check-archives-tam", help: "report archive authentication state"),
      OptionDeclaration("--archives-tam", help: "authenticate all archives"),
    ],
    epilog: """
      Brings a repository's format or its archives' authentication up to date.
      """)
}
