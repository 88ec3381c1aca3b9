/// Command lines that are known but cannot be carried out yet: other.
extension CommandTable {
  static let benchmarkCrud = CommandDeclaration(
    "benchmark crud", title: "Measure create/read/update/delete speed",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "existing repository"),
      PositionalDeclaration("PATH", .one, .text, help: "directory for generated input"),
    ])
}
