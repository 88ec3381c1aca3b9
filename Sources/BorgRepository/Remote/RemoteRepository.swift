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

  private static let idsAtOnce = 100_000
  /// A rollback after an error must not keep the user waiting for a dead line. Nanoseconds.
  private static let rollbackPatience: Int64 = 30_000_000_000

  struct OpenOptions {
    var lock: LockOptions
    var creation: LocalRepository.CreateOptions?
  }

  /// Starts the server and has it make the repository.
  public static func create(
    _ location: Location, _ options: LocalRepository.CreateOptions, lock: LockOptions, remote: RemoteOptions,
    environment: Environment, monitor: any Monitor
  ) throws -> RemoteRepository {
    try start(
      location, OpenOptions(lock: lock, creation: options), remote: remote, environment: environment, monitor: monitor)
  }

  /// Starts the server and has it open the repository.
  public static func open(
    _ location: Location, lock: LockOptions, remote: RemoteOptions, environment: Environment, monitor: any Monitor
  ) throws -> RemoteRepository {
    try start(location, OpenOptions(lock: lock), remote: remote, environment: environment, monitor: monitor)
  }

  private static func start(
    _ location: Location, _ options: OpenOptions, remote: RemoteOptions, environment: Environment,
    monitor: any Monitor
  ) throws -> RemoteRepository {
    let line = try remote.commandLine(for: location, storageQuota: options.creation?.storageQuota ?? 0)
    monitor.debug("SSH command line: \(line.map { String(decoding: $0, as: UTF8.self) })", logger: "borg.remote")
    let channel = try Channel(line, environment: environment)
    return try RemoteRepository(location, options, channel, remote, monitor: monitor)
  }

  /// Negotiates and opens over a line that stands already.
  init(
    _ location: Location, _ options: OpenOptions, _ channel: Channel, _ remote: RemoteOptions = RemoteOptions(),
    window: ReadAheadWindow = ReadAheadWindow(), monitor: any Monitor
  ) throws {
    let connection = try Connection(
      channel, remote, location: location.repositoryText, window: window, monitor: monitor)
    do {
      let version = try RemoteRepository.negotiate(connection)
      connection.noteNegotiated()
      id = try RemoteRepository.open(location, options, version, connection)
      serverVersion = version
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

  /// How often the line was silent until somebody asked and waited.
  public var roundTripCount: Int { connection.roundTripCount }

  private static func negotiate(_ connection: Connection) throws -> ServerVersion {
    let reply = try connection.call(.negotiate(.map))
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

  private static func open(
    _ location: Location, _ options: OpenOptions, _ version: ServerVersion, _ connection: Connection
  ) throws -> ChunkID {
    let makesParents = options.creation?.makesParentDirectories ?? false
    if makesParents { try require([1, 1, 9, -1], "1.1.9", of: version, for: "open make_parent_dirs=True") }
    var opening = RepositoryRequest.Opening()
    opening.path = location.path
    opening.creates = options.creation != nil
    opening.lockWaitSeconds = options.lock.waitSeconds == LockOptions.forever ? nil : options.lock.waitSeconds
    opening.locks = options.lock.mode != .none
    opening.exclusive = options.lock.mode == .exclusive
    opening.appendOnly = options.creation?.appendOnly ?? false
    opening.makesParentDirectories = makesParents
    let reply = try connection.call(.open(opening))
    guard let id = reply.rawValue.flatMap({ ChunkID($0) }) else { throw RemoteError.unexpectedReply("open") }
    return id
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

  public var readAheadBytes: Int { 32 << 20 }

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
    try ids(after: marker, limit: limit) { .list(limit: $0, marker: $1) }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try ids(after: marker, limit: limit) { .scan(limit: $0, marker: $1) }
  }

  /// By the page: longer replies than some tens of MB are not taken by anybody.
  private func ids(
    after marker: ChunkID?, limit: Int, _ request: (_ limit: Int, _ marker: ChunkID?) -> RepositoryRequest
  ) throws -> [ChunkID] {
    var ids: [ChunkID] = []
    while ids.count < limit {
      let wanted = min(limit - ids.count, RemoteRepository.idsAtOnce)
      let request = request(wanted, ids.last ?? marker)
      let page = try connection.call(request)
      guard let elements = page.arrayValue, elements.count <= wanted else {
        throw RemoteError.unexpectedReply(request.method.rawValue)
      }
      for element in elements {
        guard let id = element.rawValue.flatMap({ ChunkID($0) }) else {
          throw RemoteError.unexpectedReply(request.method.rawValue)
        }
        ids.append(id)
      }
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
    switch try connection.call(.freeNonce) {
    case .null: return nil
    case .int(let nonce) where nonce >= 0: return UInt64(nonce)
    case .uint(let nonce): return nonce
    default: throw RemoteError.unexpectedReply("get_free_nonce")
    }
  }

  public func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    _ = try connection.call(.commitNonceReservation(next: next, start: start))
  }

  public func loadKey() throws -> [UInt8] {
    guard let key = try connection.call(.loadKey).rawValue else { throw RemoteError.unexpectedReply("load_key") }
    return key
  }

  public func saveKey(_ key: [UInt8]) throws {
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
