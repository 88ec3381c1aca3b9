import BorgArchive
import BorgRepository
import BorgSystem

/// `borg key migrate-to-repokey`: gives a repository in the legacy passphrase mode a key of its own.
struct KeyMigrateToRepokeyCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "key migrate-to-repokey", title: "Convert an ancient passphrase-mode repository",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
      ],
      epilog: """
        Repositories in passphrase mode were made by Attic and Borg before 1.0: their key is made from the passphrase
        alone. This stores that key in the repository, where its passphrase can be changed. Nothing else is rewritten.
        Such a repository needs "borg upgrade --tam --force" afterwards.
        """)
  }

  static var signalHandling: SignalHandling { .endsProcessAsCancelled }

  private let location: Location

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared) }

  func run(in context: CommandContext) throws -> ExitCode {
    try KeyManager.migrateToRepokey(context.repository, context: context.sessionContext)
    context.monitor.info("Key updated", logger: "borg.archiver")
    return .success
  }
}
