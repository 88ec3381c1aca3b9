import BorgArchive
import BorgRepository

/// `borg key export-related-secrets`: what `init --import-related-secrets` takes.
struct KeyExportRelatedSecretsCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "key export-related-secrets", title: "Export id key and chunker seed as JSON",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository"),
        PositionalDeclaration("PATH", .zeroOrOne, .path, help: "output file, default stdout"),
      ],
      epilog: """
        Writes the secrets with which another repository cuts and names chunks as this one does ("borg init
        --import-related-secrets"). The output is not encrypted: delete it when it has served.
        """)
  }

  private let location: Location
  private let path: [UInt8]?

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.read]) }

  func run(in context: CommandContext) throws -> ExitCode {
    try context.write(Array(try context.session.relatedSecrets().utf8), toPathOrOutput: path)
    return .success
  }
}
