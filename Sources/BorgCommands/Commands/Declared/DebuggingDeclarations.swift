/// The command lines of `borg debug`.
extension CommandTable {
  static let debugInfo = CommandDeclaration(
    "debug info", title: "Print system information")

  static let debugDumpArchiveItems = CommandDeclaration(
    "debug dump-archive-items", title: "Write the decoded item metadata chunks to files in the current directory",
    positionals: [
      PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive")
    ])

  static let debugDumpArchive = CommandDeclaration(
    "debug dump-archive", title: "Write all archive metadata as JSON",
    positionals: [
      PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive"),
      PositionalDeclaration("PATH", .one, .text, help: "output file, \"-\" = stdout"),
    ])

  static let debugDumpManifest = CommandDeclaration(
    "debug dump-manifest", title: "Write the manifest as JSON",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("PATH", .one, .text, help: "output file, \"-\" = stdout"),
    ])

  static let debugDumpRepoObjs = CommandDeclaration(
    "debug dump-repo-objs", title: "Write every (decrypted, decompressed) object to files in the current directory",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository")
    ],
    options: [
      OptionDeclaration("--ghost", help: "walk raw segment entries including deleted and uncommitted ones"),
      OptionDeclaration(
        "--segment", action: .value(.positiveInteger), metavar: "SEG", help: "with --ghost: only this segment (>0)"),
      OptionDeclaration(
        "--offset", action: .value(.positiveInteger), metavar: "OFFS", help: "with --ghost: only this offset (>0)"),
    ])

  static let debugSearchRepoObjs = CommandDeclaration(
    "debug search-repo-objs", title: "Search decrypted objects for bytes",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("WANTED", .one, .text, help: "hex:<digits> or str:<text>"),
    ])

  static let debugIdHash = CommandDeclaration(
    "debug id-hash", title: "Print the object id a file content would get",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("PATH", .one, .text, help: "file"),
    ])

  static let debugGetObj = CommandDeclaration(
    "debug get-obj", title: "Write one raw object to a file",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("ID", .one, .text, help: "64 hex digits"),
      PositionalDeclaration("PATH", .one, .text, help: "file"),
    ])

  static let debugPutObj = CommandDeclaration(
    "debug put-obj", title: "Store a file as raw object",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("ID", .one, .text, help: "64 hex digits"),
      PositionalDeclaration("PATH", .one, .text, help: "file"),
    ])

  static let debugDeleteObj = CommandDeclaration(
    "debug delete-obj", title: "Delete raw objects",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("IDs", .oneOrMore, .text, help: "ids of 64 hex digits"),
    ])

  static let debugRefcountObj = CommandDeclaration(
    "debug refcount-obj", title: "Print reference counts from the chunks cache",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("IDs", .oneOrMore, .text, help: "ids of 64 hex digits"),
    ])

  static let debugDumpHints = CommandDeclaration(
    "debug dump-hints", title: "Write the repository hints as JSON",
    positionals: [
      PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
      PositionalDeclaration("PATH", .one, .text, help: "output file, \"-\" = stdout"),
    ])

  static let debugConvertProfile = CommandDeclaration(
    "debug convert-profile", title: "Convert a profile file",
    positionals: [
      PositionalDeclaration("INPUT", .one, .text, help: "profile"),
      PositionalDeclaration("OUTPUT", .one, .text, help: "result"),
    ])
}
