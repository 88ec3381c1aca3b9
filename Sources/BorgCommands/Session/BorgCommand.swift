import BorgArchive
import BorgRepository
import BorgSystem

/// One command: what its command line may hold, what it needs opened, and what it does.
///
/// `Commands/<Name>.swift` holds one each. A command is made from its parsed arguments, states its `access`, and is run
/// with everything that `access` asks for opened; it opens and closes no repository itself.
protocol BorgCommand: SendableMetatype {
  static var declaration: CommandDeclaration { get }
  /// Whether --bypass-lock may be given.
  static var allowsBypassLock: Bool { get }
  /// Who acts on signals while the command runs.
  static var signalHandling: SignalHandling { get }

  /// Throws `CommandLineRefusal` for combinations that are usage errors, and `ArchiveError` for bad patterns.
  init(_ arguments: ParsedArguments) throws

  /// The repository that the command works on; nil: none is opened.
  var access: RepositoryAccess? { get }
  /// Checks that come before the repository is opened and before any question is asked.
  func prepare(in context: CommandContext) throws
  /// Does the work. Warnings logged with a code are added to the exit code afterwards.
  func run(in context: CommandContext) throws -> ExitCode
}

/// Who acts on SIGINT, SIGTERM and SIGHUP while a command runs.
enum SignalHandling: Sendable {
  /// The signal thread ends the process after it has let go of locks.
  case endsProcess
  /// The same; a SIGINT counts as the user's refusal (of a passphrase).
  case endsProcessAsCancelled
  /// The same, but the first SIGINT is not meant for us: the client's terminal sends it to everybody.
  case endsProcessUnlessInterrupted
  /// The command looks at `CommandContext.interruption` and stops in good order.
  case stopsItself
  /// The command installs its own handlers (mount): signals are left alone.
  case ownHandlers
}

/// What a command needs of a repository.
struct RepositoryAccess {
  var location: Location
  var lock: LockOptions.Mode
  /// The manifest's features that are needed; nil: neither key nor manifest are read.
  var manifest: [ManifestOperation]?
  /// Whether the security checks (and their questions) are made.
  var assertsSecure = true
  /// What of the manifest and the key `upgrade` must get by without.
  var trust = RepositorySession.Trust()
  /// Nil: the cache stays closed.
  var cache: Cache.Options?
  /// Set by `init`: the repository is made.
  var creation: LocalRepository.CreateOptions?
  /// Read without a lock, beside whoever writes; `lock` does not count then.
  var readsBesideWriters = false
  /// What is read of a distant repository at once, beside what `manifest` needs.
  var expectations: RemoteRepository.Expectations = []
  /// A lost connection is made anew: for a mount, which lasts and changes nothing.
  var reconnects = false

  init(
    _ location: Location, lock: LockOptions.Mode, manifest: [ManifestOperation]? = nil, assertsSecure: Bool = true,
    trust: RepositorySession.Trust = RepositorySession.Trust(), cache: Cache.Options? = nil,
    creation: LocalRepository.CreateOptions? = nil
  ) {
    self.location = location
    self.lock = lock
    self.manifest = manifest
    self.assertsSecure = assertsSecure
    self.trust = trust
    self.cache = cache
    self.creation = creation
  }
}

/// A combination of arguments that the top level complains about: a usage error.
struct CommandLineRefusal: Error {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}

extension BorgCommand {
  static var allowsBypassLock: Bool { false }
  static var signalHandling: SignalHandling { .endsProcess }
  var access: RepositoryAccess? { nil }
  func prepare(in context: CommandContext) throws {}

  /// Opens what `access` asks for, runs, and closes it again. After an error changes are rolled back.
  func perform(in context: CommandContext) throws -> ExitCode {
    try prepare(in: context)
    guard let access else { return try run(in: context) }
    defer { context.close() }
    do {
      try context.open(access)
      return try run(in: context)
    } catch {
      if access.lock == .exclusive { context.rollback() }
      throw error
    }
  }
}
