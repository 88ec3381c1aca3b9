/// Command lines that are known but cannot be carried out yet: other.
extension CommandTable {
  static let config = CommandDeclaration(
    "config", title: "Read or change values of the repository or cache config file (local repositories only)",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden, localOnly: true), help: "repository"),
      PositionalDeclaration("NAME", .zeroOrOne, .text, help: "key, or section.key"),
      PositionalDeclaration("VALUE", .zeroOrOne, .text, help: "new value; absent or empty = print current value"),
    ],
    options: [
      OptionDeclaration("-c", "--cache", help: "work on the cache config instead"),
      OptionDeclaration("-d", "--delete", help: "remove the key"),
      OptionDeclaration("-l", "--list", help: "print all known keys"),
    ],
    exclusive: [["--delete", "--list"]],
    epilog: """
      Reads and changes the values of a local repository's config file, or with --cache of its cache's.
      """)

  static let withLock = CommandDeclaration(
    "with-lock", title: "Run a command while holding the exclusive repository lock",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("COMMAND", .one, .text, help: "program"),
      PositionalDeclaration("ARGS", .remainder, .text, help: "all remaining words, unparsed"),
    ],
    epilog: """
      Runs a command while the repository is locked, for example to copy it.
      """)

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
