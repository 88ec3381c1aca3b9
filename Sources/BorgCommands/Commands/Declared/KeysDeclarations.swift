/// Command lines that are known but cannot be carried out yet: keys.
extension CommandTable {
  static let keyExport = CommandDeclaration(
    "key export", title: "Export the key",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository"),
      PositionalDeclaration("PATH", .zeroOrOne, .path, help: "output file, default stdout"),
    ],
    options: [
      OptionDeclaration("--paper", help: "text form for printing"),
      OptionDeclaration("--qr-html", help: "HTML form with QR code"),
    ])

  static let keyExportRelatedSecrets = CommandDeclaration(
    "key export-related-secrets", title: "Export id key and chunker seed as JSON",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository"),
      PositionalDeclaration("PATH", .zeroOrOne, .path, help: "output file (mandatory in practice), \"-\" = stdout"),
    ])

  static let keyImport = CommandDeclaration(
    "key import", title: "Import a key backup",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository"),
      PositionalDeclaration("PATH", .zeroOrOne, .path, help: "input file, \"-\" = stdin"),
    ],
    options: [
      OptionDeclaration("--paper", help: "interactive import of the printed form")
    ])

  static let keyChangePassphrase = CommandDeclaration(
    "key change-passphrase", title: "Change the passphrase of the key",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
    ])

  static let keyMigrateToRepokey = CommandDeclaration(
    "key migrate-to-repokey", title: "Convert an ancient passphrase-mode repository",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
    ])
}
