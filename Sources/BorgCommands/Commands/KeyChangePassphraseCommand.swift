import BorgArchive
import BorgRepository
import BorgSystem

/// `borg key change-passphrase`: saves the key under another passphrase.
struct KeyChangePassphraseCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "key change-passphrase", title: "Change the passphrase of the key",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
      ],
      epilog: """
        Asks for a new passphrase (or takes it from BORG_NEW_PASSPHRASE) and protects the key with it. The key itself
        stays the same: whoever has an old copy of it and knows the old passphrase can still read the repository.
        """)
  }

  static var signalHandling: SignalHandling { .endsProcessAsCancelled }

  private let location: Location

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.check]) }

  func run(in context: CommandContext) throws -> ExitCode {
    try context.session.changePassphrase()
    context.monitor.info("Key updated", logger: "borg.archiver")
    context.monitor.info("Key location: \(context.session.keyLocation)", logger: "borg.archiver")
    return .success
  }
}
