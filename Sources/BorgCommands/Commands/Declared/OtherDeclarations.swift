/// Command lines that are known but cannot be carried out yet: other.
extension CommandTable {
  static let benchmarkCrud = CommandDeclaration(
    "benchmark crud", title: "Measure create/read/update/delete speed",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "existing repository"),
      PositionalDeclaration("PATH", .one, .text, help: "directory for generated input"),
    ])

  static let serve = CommandDeclaration(
    "serve", title: "Repository server on stdin/stdout",
    options: [
      OptionDeclaration(
        "--restrict-to-path", action: .value(.text), metavar: "PATH", help: "only repositories at or below this path"),
      OptionDeclaration(
        "--restrict-to-repository", action: .value(.text), metavar: "PATH",
        help: "only the repository at exactly this path"),
      OptionDeclaration("--append-only", help: "open repositories in append-only mode"),
      OptionDeclaration(
        "--storage-quota", action: .value(.text), metavar: "QUOTA", help: "quota overriding the repository setting"),
    ],
    epilog: """
      The far side of remote repositories; clients start it through ssh.
      """)
}
