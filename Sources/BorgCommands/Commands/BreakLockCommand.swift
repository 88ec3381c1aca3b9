import BorgArchive
import BorgRepository

/// `borg break-lock`: removes what an interrupted run left locked.
struct BreakLockCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "break-lock", title: "Remove the locks of a repository and of its cache",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository whose locks are removed")
      ],
      epilog: """
        Removes the locks of a repository and of its local cache. Use it only while no Borg process, on whatever machine,
        works with the repository or the cache. Locks of processes that have ended on this machine go by themselves.
        """)
  }

  private let location: Location

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .none) }

  func run(in context: CommandContext) throws -> ExitCode {
    if let remote = context.repository as? RemoteRepository {
      try remote.breakLock()
    } else {
      try LocalRepository.breakLock(location)
    }
    try Cache.breakLock(repositoryID: context.repository.id, environment: context.environment)
    return .success
  }
}
