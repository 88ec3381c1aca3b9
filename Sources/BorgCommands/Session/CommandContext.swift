import BorgArchive
import BorgRepository
import BorgSystem
import BorgTransfer

/// Everything that a running command is given: its surroundings, where to report, and what was opened for it.
final class CommandContext {
  let program: Program
  /// The words of the command line, the program's name first, as archives store them.
  let commandLine: [[UInt8]]
  let common: CommonOptions
  let environment: Environment
  let clock: Clock
  let console: Console
  let monitor: any CommandMonitor
  let exitCodeStyle: ExitCodeStyle
  let interruption: Interruption
  let cleanup: Cleanup

  private var openRepository: (any Repository)?
  private var openSession: RepositorySession?
  private var openCache: Cache?

  init(
    program: Program, commandLine: [[UInt8]], common: CommonOptions, environment: Environment, clock: Clock,
    console: Console, monitor: any CommandMonitor, exitCodeStyle: ExitCodeStyle,
    interruption: Interruption = Interruption(), cleanup: Cleanup = Cleanup()
  ) {
    self.interruption = interruption
    self.cleanup = cleanup
    self.program = program
    self.commandLine = commandLine
    self.common = common
    self.environment = environment
    self.clock = clock
    self.console = console
    self.monitor = monitor
    self.exitCodeStyle = exitCodeStyle
  }

  /// The repository that the command's access asked for.
  var repository: any Repository {
    guard let openRepository else { preconditionFailure("the command's access asks for no repository") }
    return openRepository
  }

  /// Key and manifest, if the command's access asked for a manifest.
  var session: RepositorySession {
    guard let openSession else { preconditionFailure("the command's access asks for no manifest") }
    return openSession
  }

  /// The cache, if the command's access asked for it.
  var cache: Cache {
    guard let openCache else { preconditionFailure("the command's access asks for no cache") }
    return openCache
  }

  /// What sessions are made with.
  var sessionContext: SessionContext {
    var context = SessionContext(environment: environment, monitor: monitor, clock: clock)
    context.lockWaitSeconds = common.lockWaitSeconds
    return context
  }

  /// Throws `ArchiveError.plain` with what create says when the user has asked it to stop.
  func checkInterruption() throws {
    if interruption.isAbortRequested { throw Interruption.Aborted() }
    if interruption.isStopRequested { throw ArchiveError.plain("Got Ctrl-C / SIGINT.") }
  }
}

extension CommandContext {
  /// Opens repository, key, manifest and cache, in this order.
  func open(_ access: RepositoryAccess) throws {
    let repository = try openRepository(access)
    openRepository = repository
    cleanup.add { repository.close() }
    guard let operations = access.manifest else { return }
    let session = try openSession(repository, operations, access)
    openSession = session
    if let options = access.cache { openCache = try openCache(session, options) }
  }

  /// Without a lock, somebody may write a manifest and note its time after we have read the one before: that is no
  /// attack when the repository has a newer state by then.
  private func openSession(
    _ repository: any Repository, _ operations: [ManifestOperation], _ access: RepositoryAccess
  ) throws -> RepositorySession {
    var attempts = 0
    while true {
      do {
        return try RepositorySession(
          repository: repository, operations: operations, assertsSecure: access.assertsSecure, trust: access.trust,
          context: context(trusting: access.trust))
      } catch let error as ArchiveError {
        attempts += 1
        guard error.meansOlderManifest, attempts < 10, try repository.refresh() else { throw error }
      }
    }
  }

  private func context(trusting trust: RepositorySession.Trust) -> SessionContext {
    var context = sessionContext
    context.ignoresInvalidArchiveTAM = trust.ignoresInvalidArchiveTAM
    return context
  }

  private func openRepository(_ access: RepositoryAccess) throws -> any Repository {
    if access.readsBesideWriters, access.location.isLocal {
      let location = access.location.with(archive: nil)
      return try LocalRepository.openForReading(
        location, bypassesLock: common.bypassesLock, environment: environment, monitor: monitor)
    }
    let mode = common.bypassesLock ? .none : access.lock
    let lock = LockOptions(mode: mode, waitSeconds: common.lockWaitSeconds)
    let gate = RepositoryGate(
      remote: remoteOptions, reconnects: access.reconnects, environment: environment, monitor: monitor)
    return try gate.open(
      access.location.with(archive: nil), lock: lock, expecting: expectations(of: access, mode),
      readsBesideWriters: access.readsBesideWriters, creation: access.creation)
  }

  /// What is read of a distant repository at once, whatever is in it.
  private func expectations(
    of access: RepositoryAccess, _ mode: LockOptions.Mode
  ) -> RemoteRepository.Expectations {
    guard let operations = access.manifest else { return access.expectations }
    let writes =
      mode == .exclusive && (operations.contains(.write) || operations.contains(.delete) || access.cache != nil)
    return access.expectations.union(writes ? [.manifest, .key, .freeNonce] : [.manifest, .key])
  }

  /// How this run reaches servers.
  private var remoteOptions: RemoteOptions {
    var options = common.remote
    options.logLevel = common.logLevel
    options.debugTopics = common.debugTopics
    options.rsh = options.rsh.flatMap { $0.isEmpty ? nil : $0 } ?? environment["BORG_RSH"]
    if (options.remotePath ?? []).isEmpty, let path = environment["BORG_REMOTE_PATH"] {
      let placeholders = Placeholders(environment: environment, now: clock.now())
      options.remotePath = (try? placeholders.expand(Array(path.utf8))) ?? Array(path.utf8)
    }
    return options
  }

  /// A cache for an open session, for commands that need one only sometimes.
  func openCache(_ session: RepositorySession, _ options: Cache.Options = Cache.Options()) throws -> Cache {
    var options = options
    options.lockWaitSeconds = common.lockWaitSeconds
    let cache = try Cache(session: session, options)
    cleanup.add { cache.close() }
    return cache
  }

  /// Makes what was changed since the last commit real: manifest, repository, cache.
  func commit(_ cache: Cache?) throws {
    try session.writeManifest()
    try repository.commit(CommitOptions())
    try cache?.commit()
  }

  func rollback() { try? openRepository?.rollback() }

  /// Lets go of the cache's and the repository's locks. Idempotent.
  func close() {
    openCache?.close()
    openRepository?.close()
    openCache = nil
    openSession = nil
    openRepository = nil
  }
}

extension ArchiveError {
  fileprivate var meansOlderManifest: Bool {
    switch self {
    case .repositoryReplay, .repositoryIDNotUnique: true
    default: false
    }
  }
}
