import BorgFormat
import BorgSystem
import Synchronization

/// A repository that a server works on for us (remote.md). Any thread may call; puts and deletes do not wait for the
/// server: their errors come with the next call that changes something, at the latest with the commit.
public final class RemoteRepository: Repository {
  public let id: ChunkID
  public let location: Location
  let serverVersion: ServerVersion
  private let connection: Connection
  private let askedAhead: Mutex<AskedAhead>

  private static let idsAtOnce = 100_000
  /// A rollback after an error must not keep the user waiting for a dead line. Nanoseconds.
  private static let rollbackPatience: Int64 = 30_000_000_000

  /// What whoever opens a repository will ask for first: it is asked right behind the opening, on the same way.
  public struct Expectations: OptionSet, Sendable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }

    public static let manifest = Expectations(rawValue: 1)
    public static let key = Expectations(rawValue: 2)
    /// Only under an exclusive lock.
    public static let freeNonce = Expectations(rawValue: 4)
  }

  struct OpenOptions {
    var lock: LockOptions
    var creation: LocalRepository.CreateOptions?
    var expectations: Expectations = []
    /// Without a lock, if the server knows how; otherwise under the lock.
    var readsBesideWriters = false
  }

  /// Replies that are on their way to whoever asks next.
  private struct AskedAhead {
    var key: Connection.Call?
    var freeNonce: Connection.Call?
  }

  /// Starts the server and has it make the repository.
  public static func create(
    _ location: Location, _ options: LocalRepository.CreateOptions, lock: LockOptions,
    expecting expectations: Expectations = [], remote: RemoteOptions, environment: Environment, monitor: any Monitor
  ) throws -> RemoteRepository {
    try start(
      location, OpenOptions(lock: lock, creation: options, expectations: expectations), remote: remote,
      environment: environment, monitor: monitor)
  }

  /// Starts the server and has it open the repository.
  public static func open(
    _ location: Location, lock: LockOptions, remote: RemoteOptions, environment: Environment, monitor: any Monitor
  ) throws -> RemoteRepository {
    try start(location, OpenOptions(lock: lock), remote: remote, environment: environment, monitor: monitor)
  }

  /// The same; somebody else may end the attempt.
  static func open(
    _ location: Location, _ options: OpenOptions, remote: RemoteOptions, attempt: ConnectionAttempt? = nil,
    environment: Environment, monitor: any Monitor
  ) throws -> RemoteRepository {
    try start(location, options, remote: remote, attempt: attempt, environment: environment, monitor: monitor)
  }

  private static func start(
    _ location: Location, _ options: OpenOptions, remote: RemoteOptions, attempt: ConnectionAttempt? = nil,
    environment: Environment, monitor: any Monitor
  ) throws -> RemoteRepository {
    let line = try remote.commandLine(for: location, storageQuota: options.creation?.storageQuota ?? 0)
    monitor.debug("SSH command line: \(line.map { String(decoding: $0, as: UTF8.self) })", logger: "borg.remote")
    let channel = try Channel(line, environment: environment)
    return try RemoteRepository(location, options, channel, remote, attempt: attempt, monitor: monitor)
  }

  /// Negotiates and opens over a line that stands already. Everything travels together: a server answers in order.
  init(
    _ location: Location, _ options: OpenOptions, _ channel: Channel, _ remote: RemoteOptions = RemoteOptions(),
    window: ReadAheadWindow = ReadAheadWindow(), attempt: ConnectionAttempt? = nil, monitor: any Monitor
  ) throws {
    let connection = try Connection(
      channel, remote, location: location.repositoryText, window: window, monitor: monitor)
    attempt?.begin(connection)
    do {
      let greeting = try connection.begin(.negotiate(.map))
      var version: ServerVersion?
      if options.creation?.makesParentDirectories == true {
        let known = try RemoteRepository.version(connection.end(greeting))
        try RemoteRepository.require([1, 1, 9, -1], "1.1.9", of: known, for: "open make_parent_dirs=True")
        version = known
      }
      let opening = try connection.begin(.open(RemoteRepository.opening(location, options)))
      var asked = AskedAhead()
      if options.expectations.contains(.manifest) { connection.announce([.manifest]) }
      if options.expectations.contains(.key) { asked.key = try connection.begin(.loadKey) }
      if options.expectations.contains(.freeNonce) { asked.freeNonce = try connection.begin(.freeNonce) }
      serverVersion = try version ?? RemoteRepository.version(connection.end(greeting))
      guard let id = try connection.end(opening).rawValue.flatMap({ ChunkID($0) }) else {
        throw RemoteError.unexpectedReply("open")
      }
      self.id = id
      askedAhead = Mutex(asked)
    } catch {
      connection.close()
      throw error
    }
    self.location = location
    self.connection = connection
  }

  deinit { connection.close() }

  /// What the server calls itself.
  public var serverVersionText: String { serverVersion.description }

  /// How often everything waited for the line so far, whatever its speed.
  public var roundTripCount: Int { connection.roundTripCount }

  /// Throws for a server that is too old, or that is none.
  private static func version(_ reply: MessagePackValue) throws -> ServerVersion {
    guard let numbers = reply["server_version"]?.arrayValue?.map(\.intValue), numbers.count >= 2,
      !numbers.contains(nil)
    else {
      if case .int(let number) = reply { throw RemoteError.unsupportedProtocol("\(number)") }
      throw RemoteError.unsupportedProtocol("?")
    }
    let version = ServerVersion(numbers: numbers.compactMap { $0 })
    guard version >= .oldest else { throw RemoteError.unsupportedProtocol("of Borg \(version)") }
    return version
  }

  private static func opening(_ location: Location, _ options: OpenOptions) -> RepositoryRequest.Opening {
    var opening = RepositoryRequest.Opening()
    opening.path = location.path
    opening.creates = options.creation != nil
    opening.lockWaitSeconds = options.lock.waitSeconds == LockOptions.forever ? nil : options.lock.waitSeconds
    opening.locks = options.lock.mode != .none
    opening.exclusive = options.lock.mode == .exclusive
    opening.appendOnly = options.creation?.appendOnly ?? false
    opening.makesParentDirectories = options.creation?.makesParentDirectories ?? false
    opening.readsBesideWriters = options.readsBesideWriters
    return opening
  }

  private static func require(
    _ required: [Int64], _ text: String, of version: ServerVersion, for call: String
  ) throws {
    guard version < ServerVersion(numbers: required) else { return }
    throw RemoteError.serverOutdated(call: call, required: text)
  }

  // MARK: Objects

  public func get(_ id: ChunkID) throws -> [UInt8] { try connection.object(id) }

  public func prefetch(_ ids: [ChunkID]) { connection.announce(ids) }
  public func prefetch(_ ids: [ChunkID], sizes: [Int]) { connection.announce(ids, sizes: sizes) }

  public var readAheadBytes: Int { RemoteRepository.usualReadAheadBytes }
  static let usualReadAheadBytes = 32 << 20

  public func put(_ id: ChunkID, _ object: [UInt8]) throws {
    guard object.count <= SegmentEntryHeader.maximumDataSize else {
      throw IntegrityError("More than allowed put data [\(object.count) > \(SegmentEntryHeader.maximumDataSize)]")
    }
    try connection.post(.put(id, object), changing: id)
  }

  public func delete(_ id: ChunkID) throws {
    try connection.post(.delete(id), changing: id)
  }

  /// Borg's protocol has no question for this: the object is fetched.
  public func contains(_ id: ChunkID) throws -> Bool {
    do {
      _ = try get(id)
      return true
    } catch RepositoryError.objectNotFound {
      return false
    }
  }

  public func objectCount() throws -> Int {
    guard case .int(let count) = try connection.call(.count), let count = Int(exactly: count), count >= 0 else {
      throw RemoteError.unexpectedReply("__len__")
    }
    return count
  }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try ids(.list, after: marker, limit: limit) { .list(limit: $0, marker: $1) }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try ids(.scan, after: marker, limit: limit) { .scan(limit: $0, marker: $1) }
  }

  /// By the page: longer replies than some tens of MB are not taken by anybody.
  private func ids(
    _ method: RepositoryRequest.Method, after marker: ChunkID?, limit: Int,
    _ request: (_ limit: Int, _ marker: ChunkID?) -> RepositoryRequest
  ) throws -> [ChunkID] {
    var ids: [ChunkID] = []
    var progress = ListingProgress(method.rawValue, after: marker)
    while ids.count < limit {
      let wanted = min(limit - ids.count, RemoteRepository.idsAtOnce)
      let page = try connection.call(request(wanted, progress.marker))
      guard let elements = page.arrayValue, elements.count <= wanted else {
        throw RemoteError.unexpectedReply(method.rawValue)
      }
      for element in elements {
        guard let id = element.rawValue.flatMap({ ChunkID($0) }) else {
          throw RemoteError.unexpectedReply(method.rawValue)
        }
        ids.append(id)
      }
      if !elements.isEmpty, let last = ids.last { try progress.advance(to: last) }
      if elements.count < wanted { break }
    }
    return ids
  }

  // MARK: Transactions

  public func settle() throws { try connection.drain() }

  public func commit(_ options: CommitOptions) throws {
    try connection.drain()
    _ = try connection.call(
      .commit(compacts: options.compacts, threshold: options.threshold, cleanupCommits: options.cleanupCommits))
  }

  public func rollback() throws {
    _ = try connection.call(.rollback, patience: RemoteRepository.rollbackPatience)
    connection.forgetAll()
  }

  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool {
    if maximumSeconds != 0 {
      try RemoteRepository.require(
        [1, 2, 0, -4, 4], "1.2.0a4", of: serverVersion, for: "check max_duration=\(maximumSeconds)")
    }
    connection.forgetAll()
    let reply = try connection.call(.check(repair: repair, maximumSeconds: maximumSeconds))
    guard case .bool(let isFine) = reply else { throw RemoteError.unexpectedReply("check") }
    return isFine
  }

  // MARK: Nonce and key

  public func freeNonce() throws -> UInt64? {
    switch try answer(.freeNonce, \.freeNonce) {
    case .null: return nil
    case .int(let nonce) where nonce >= 0: return UInt64(nonce)
    case .uint(let nonce): return nonce
    default: throw RemoteError.unexpectedReply("get_free_nonce")
    }
  }

  public func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    askedAhead.withLock { $0.freeNonce = nil }
    _ = try connection.call(.commitNonceReservation(next: next, start: start))
  }

  public func loadKey() throws -> [UInt8] {
    guard let key = try answer(.loadKey, \.key).rawValue else { throw RemoteError.unexpectedReply("load_key") }
    return key
  }

  /// The reply to what was asked ahead, once; or to what is asked now.
  private func answer(
    _ request: RepositoryRequest, _ ahead: WritableKeyPath<AskedAhead, Connection.Call?>
  ) throws -> MessagePackValue {
    let asked = askedAhead.withLock { asked in
      defer { asked[keyPath: ahead] = nil }
      return asked[keyPath: ahead]
    }
    return try connection.end(asked ?? connection.begin(request))
  }

  public func saveKey(_ key: [UInt8]) throws {
    askedAhead.withLock { $0.key = nil }
    _ = try connection.call(.saveKey(key))
  }

  // MARK: End

  public func destroy() throws {
    connection.forgetAll()
    _ = try connection.call(.destroy)
  }

  /// Removes every lock in the repository's directory, whoever holds it.
  public func breakLock() throws { _ = try connection.call(.breakLock) }

  public func close() { connection.close() }

  /// Of a line that nobody waits for: a server that does not answer is given a few seconds.
  func closeSoon() { connection.close(.lost) }
}

/// A process that forks must have one thread.
extension RemoteRepository {
  /// Ends the connection's threads; nothing may be asked until `resume`.
  public func suspend() { connection.suspend() }
  /// Starts them again, in whichever process goes on.
  public func resume() throws { try connection.resume() }
  /// For the process that does not go on: nothing happens to the server.
  public func abandon() { connection.abandon() }
}
