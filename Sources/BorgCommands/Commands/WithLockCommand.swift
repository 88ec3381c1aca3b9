import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// `borg with-lock`: runs a program while nobody else can use the repository.
struct WithLockCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "with-lock", title: "Run a command while holding the exclusive repository lock",
      positionals: [
        PositionalDeclaration("REPOSITORY", .one, .location(.forbidden), help: "repository"),
        PositionalDeclaration("COMMAND", .one, .text, help: "program"),
        PositionalDeclaration("ARGS", .remainder, .text, help: "all remaining words, unparsed"),
      ],
      epilog: """
        Runs a command while the repository is locked, for example to copy it. The exit code is the command's own, or
        128 and more when a signal has ended it. The command must not use Borg on the same repository: it would wait for
        the lock.

        Example:

            borg with-lock /srv/repo rsync -av /srv/repo /mnt/copy
        """)
  }

  static var signalHandling: SignalHandling { .stopsItself }

  private let location: Location
  private let words: [[UInt8]]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    words = arguments.texts("COMMAND") + arguments.texts("ARGS")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .exclusive) }

  /// The manifest is stored again as it is: the transaction that this makes keeps the segment number from being used
  /// for other contents, which a copy that skips known files would miss.
  func run(in context: CommandContext) throws -> ExitCode {
    let repository = context.repository
    try repository.put(.manifest, try repository.get(.manifest))
    try (repository as? LocalRepository)?.closeSegment()
    let status: Int32
    do {
      status = try runProgram(context)
    } catch {
      try repository.commit(CommitOptions())
      throw error
    }
    try repository.commit(CommitOptions())
    return status < 0 ? .signal(-status) : ExitCode(status)
  }

  /// Ctrl-C reaches the program, too, and ends it; a signal that ends us ends it first.
  private func runProgram(_ context: CommandContext) throws -> Int32 {
    try context.console.flush()
    do {
      let child = try ChildProcess(words: words, environment: context.environment, receivesInterrupt: true)
      context.cleanup.add {
        kill(child.pid, SIGKILL)
      }
      defer { context.cleanup.discard() }
      return try child.wait()
    } catch let error as SystemError {
      let program = String(decoding: words.first ?? [], as: UTF8.self)
      throw ArchiveError.command("Error while trying to run '\(program)': \(error)")
    }
  }
}
