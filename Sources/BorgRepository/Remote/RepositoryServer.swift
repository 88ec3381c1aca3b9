import BorgFormat
import BorgSystem
import Glibc
import Synchronization

/// The far side of a remote repository (`borg serve`): performs a client's requests, in order, each answered once, on
/// one local repository (remote.md). It knows ids and stored objects, never a key. It trusts the client in nothing: what
/// is no request ends the connection, everything else that is wrong is answered with an error.
public final class RepositoryServer: Sendable {
  public struct Options: Sendable {
    /// Repositories must be at or below one of these; empty: anywhere.
    public var restrictedPaths: [[UInt8]] = []
    /// Repositories must be one of these; empty: any.
    public var restrictedRepositories: [[UInt8]] = []
    /// Of repositories that are opened, not of those that are made.
    public var appendOnly = false
    /// Bytes; overrides the repository's own, 0 included.
    public var storageQuota: Int64?
    /// [major, minor, patch, -1], sent to the client.
    public var version: [Int64]
    /// For error messages; may be empty.
    public var systemDescription = ""

    public init(version: [Int64]) {
      self.version = version
    }
  }

  private let options: Options
  private let paths: ServedPaths
  private let environment: Environment
  private let monitor: any Monitor
  private let onNegotiation: @Sendable () -> Void
  private let served = Mutex(Served())

  private struct Served {
    var repository: LocalRepository?
    /// The lock is shared, and becomes exclusive at the first change.
    var upgradesLock = false
    /// There is no lock: others may write meanwhile.
    var readsBesideWriters = false
  }

  /// `onNegotiation` is called once the client has said that it understands log messages as JSON.
  public init(
    _ options: Options, environment: Environment, monitor: any Monitor,
    onNegotiation: @escaping @Sendable () -> Void = {}
  ) {
    self.options = options
    self.environment = environment
    self.monitor = monitor
    self.onNegotiation = onNegotiation
    paths = ServedPaths(
      restrictedPaths: options.restrictedPaths, restrictedRepositories: options.restrictedRepositories,
      environment: environment)
  }

  deinit { close() }

  /// Serves until the client closes the connection; true: it had opened a repository. Whatever ends it, the lock is
  /// released. Throws `ServingError.unexpectedData`, and `SystemError` when the client cannot be reached any more.
  public func serve(requests: File, responses: File) throws -> Bool {
    for file in [requests, responses] { _ = fcntl(file.descriptor, RepositoryServer.setPipeSize, 1 << 20) }
    defer { close() }
    let reader = try RequestReader(requests)
    defer { reader.stop() }
    var writer = ResponseWriter(responses, systemDescription: options.systemDescription)
    while true {
      let batch = try reader.next()
      if batch.isEmpty { return served.withLock { $0.repository != nil } }
      prefetch(batch)
      for request in batch { try answer(request, &writer) }
      try writer.flush()
    }
  }

  /// Lets go of the repository and its lock. Idempotent, from any thread.
  public func close() {
    let repository = served.withLock { served in
      defer { served.repository = nil }
      return served.repository
    }
    repository?.close()
  }

  /// The same where the process must end. A request that takes longer than `milliseconds`, such as a check, loses its
  /// lock in the middle: what it has not committed is forgotten.
  public func close(withinMilliseconds milliseconds: Int) {
    guard let repository = served.withLock({ $0.repository }) else { return }
    let isClosed = Worker.perform(withinMilliseconds: milliseconds) { [self] in close() }
    if !isClosed { try? repository.releaseLock() }
  }

  private static let setPipeSize: Int32 = 1031

  // MARK: Requests

  /// Objects that are asked for together are read ahead.
  private func prefetch(_ batch: [ReceivedRequest]) {
    guard batch.count > 1, let repository = served.withLock({ $0.repository }) else { return }
    let ids = batch.compactMap { request -> ChunkID? in
      guard case .success(.get(let id)) = request.content else { return nil }
      return id
    }
    if ids.count > 1 { repository.prefetch(ids) }
  }

  /// Throws only when the answer cannot be written.
  private func answer(_ request: ReceivedRequest, _ writer: inout ResponseWriter) throws {
    let outcome: RequestOutcome
    do {
      outcome = try perform(request.content.get())
    } catch {
      let report = ErrorReport(error)
      monitor.debug("\(report.className): \(report.text)", logger: RepositoryServer.logger)
      return try writer.write(report, to: request.addressee)
    }
    if case .object(let object) = outcome { return try writer.write(object: object, to: request.addressee) }
    try writer.write(to: request.addressee) { outcome.write(to: &$0) }
  }

  private func perform(_ request: RepositoryRequest) throws -> RequestOutcome {
    switch request {
    case .negotiate(let greeting): return negotiate(greeting)
    case .open(let opening): return .object(try open(opening).bytes)
    case .get(let id): return .object(try get(id))
    case .put(let id, let object): try changing("put").put(id, object)
    case .delete(let id): try changing("delete").delete(id)
    case .list(let limit, let marker): return try list(limit, marker)
    case .scan(let limit, let marker): return try scan(limit, marker)
    case .count: return .number(UInt64(clamping: try repository("__len__").objectCount()))
    case .commit(let compacts, let threshold, let cleanup):
      try commit(CommitOptions(compacts: compacts, threshold: threshold, cleanupCommits: cleanup))
    case .rollback: try repository("rollback").rollback()
    case .check(let repair, let seconds):
      let repository = repair ? try changing("check") : try repository("check")
      return .flag(try repository.check(repair: repair, maximumSeconds: seconds))
    case .destroy: try changing("destroy").destroy()
    case .loadKey: return .object(try repository("load_key").loadKey())
    case .saveKey(let key): try repository("save_key").saveKey(try checked(key))
    case .freeNonce: return try changing("get_free_nonce").freeNonce().map { .number($0) } ?? .nothing
    case .commitNonceReservation(let next, let start):
      try changing("commit_nonce_reservation").commitNonceReservation(next: next, start: start)
    case .breakLock: try LocalRepository.breakLock(repository("break_lock").location)
    case .injectException(let kind): try inject(kind)
    }
    return .nothing
  }

  private func negotiate(_ greeting: RepositoryRequest.Greeting) -> RequestOutcome {
    if greeting == .protocolTwo { return .number(2) }
    if greeting == .map { onNegotiation() }
    return .serverVersion(options.version)
  }

  // MARK: The repository

  private func repository(_ method: String) throws -> LocalRepository {
    guard let repository = served.withLock({ $0.repository }) else { throw ServingError.notOpen(method: method) }
    return repository
  }

  /// The same before a change: an old client's shared lock becomes exclusive.
  private func changing(_ method: String) throws -> LocalRepository {
    let repository = try repository(method)
    if served.withLock({ $0.upgradesLock }) {
      try repository.upgradeLock()
      served.withLock { $0.upgradesLock = false }
    }
    return repository
  }

  private func open(_ opening: RepositoryRequest.Opening) throws -> ChunkID {
    close()
    let path = try paths.resolve(opening.path)
    monitor.debug(
      "Resolved repository path to '\(String(decoding: path, as: UTF8.self))'", logger: RepositoryServer.logger)
    let repository = try openRepository(Location(host: .local, path: path), opening)
    served.withLock { served in
      served.repository = repository
      served.upgradesLock = opening.locks && opening.exclusive == nil && !opening.readsOnly
      served.readsBesideWriters = opening.readsOnly
    }
    return repository.id
  }

  /// Whoever asks for the manifest wants to know what is new.
  private func get(_ id: ChunkID) throws -> [UInt8] {
    let repository = try repository("get")
    if id == .manifest, served.withLock({ $0.readsBesideWriters }) { _ = try repository.refresh() }
    return try repository.get(id)
  }

  private func openRepository(
    _ location: Location, _ opening: RepositoryRequest.Opening
  ) throws -> LocalRepository {
    if opening.readsOnly {
      return try LocalRepository.openForReading(
        location, bypassesLock: !opening.locks, environment: environment, monitor: monitor)
    }
    let mode: LockOptions.Mode = !opening.locks ? .none : opening.exclusive == true ? .exclusive : .shared
    let lock = LockOptions(mode: mode, waitSeconds: opening.lockWaitSeconds ?? LockOptions.forever)
    guard opening.creates else {
      return try LocalRepository.open(
        location, lock: lock, appendOnly: options.appendOnly || opening.appendOnly,
        storageQuota: options.storageQuota, environment: environment, monitor: monitor)
    }
    var creation = LocalRepository.CreateOptions()
    creation.appendOnly = opening.appendOnly
    creation.storageQuota = options.storageQuota ?? 0
    creation.makesParentDirectories = opening.makesParentDirectories
    return try LocalRepository.create(location, creation, lock: lock, environment: environment, monitor: monitor)
  }

  /// A connection may live long after it: what is on disk then counts, as for Borg's server.
  private func commit(_ options: CommitOptions) throws {
    let repository = try changing("commit")
    try repository.commit(options)
    repository.forgetIndex()
  }

  private func list(_ limit: Int?, _ marker: ChunkID?) throws -> RequestOutcome {
    try withMarker(marker) { .ids(try repository("list").list(after: marker, limit: limit ?? .max)) }
  }

  private func scan(_ limit: Int?, _ marker: ChunkID?) throws -> RequestOutcome {
    try withMarker(marker) { .ids(try repository("scan").scan(after: marker, limit: limit ?? .max)) }
  }

  private func withMarker(_ marker: ChunkID?, _ body: () throws -> RequestOutcome) throws -> RequestOutcome {
    do {
      return try body()
    } catch RepositoryError.objectNotFound(let id, _) where id == marker {
      throw ServingError.unknownMarker(id.hex)
    }
  }

  /// The key goes into the config's text: nothing in it may end its option there.
  private func checked(_ key: [UInt8]) throws -> [UInt8] {
    let isText = key.allSatisfy { $0 >= 0x20 && $0 < 0x7f || $0 == UInt8(ascii: "\n") }
    guard isText, key.count <= RepositoryServer.maximumKeySize else {
      throw ServingError.badArgument("keydata is no key")
    }
    return key
  }

  private static let maximumKeySize = 1 << 20
  private static let logger = "borg.remote"
}

extension RepositoryRequest.Opening {
  /// Nobody who makes a repository or wants it alone only reads.
  fileprivate var readsOnly: Bool { readsBesideWriters && !creates && exclusive == false }
}

extension RepositoryServer {
  /// Borg's test hook.
  private func inject(_ kind: String) throws {
    let text = "test string"
    switch kind {
    case "DoesNotExist": throw RepositoryError.doesNotExist(path: text)
    case "AlreadyExists": throw RepositoryError.alreadyExists(path: text)
    case "CheckNeeded": throw RepositoryError.checkNeeded(path: text)
    case "IntegrityError": throw IntegrityError(text)
    case "PathNotAllowed": throw ServingError.pathNotAllowed("foo")
    case "InvalidRPCMethod": throw ServingError.unknownMethod(text)
    case "ObjectNotFound":
      throw ServingError.injected(
        className: kind, arguments: [text, "test string2"],
        text: "Object with key \(text) not found in repository test string2.")
    case "divide":
      let reason = "integer division or modulo by zero"
      throw ServingError.injected(className: "ZeroDivisionError", arguments: [reason], text: reason)
    default: break
    }
  }
}
