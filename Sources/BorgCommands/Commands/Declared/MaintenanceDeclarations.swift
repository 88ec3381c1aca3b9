/// Command lines that are known but cannot be carried out yet: maintenance.
extension CommandTable {
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
