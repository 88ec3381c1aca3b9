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
      channel, remote, errors: ServerErrors(location: location.repositoryText), window: window,
      encodeGet: ServerCall.get, monitor: monitor)
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
    let reply = try connection.call { ServerCall.negotiation($0, version: ServerVersion.ours.numbers) }
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
    let call = ServerCall(
      "open",
      [
        ("path", .raw(location.path)), ("create", .bool(options.creation != nil)),
        ("lock_wait", .int(Int64(options.lock.waitSeconds))), ("lock", .bool(options.lock.mode != .none)),
        ("exclusive", .bool(options.lock.mode == .exclusive)),
        ("append_only", .bool(options.creation?.appendOnly ?? false)), ("make_parent_dirs", .bool(makesParents)),
      ])
    let reply = try connection.call(call.encoded)
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
    try connection.post(changing: id) { ServerCall.put(id, object, $0) }
  }

  public func delete(_ id: ChunkID) throws {
    try connection.post(changing: id) { ServerCall.delete(id, $0) }
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
    guard case .int(let count) = try call(ServerCall("__len__")), let count = Int(exactly: count), count >= 0 else {
      throw RemoteError.unexpectedReply("__len__")
    }
    return count
  }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try ids("list", after: marker, limit: limit)
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try ids("scan", after: marker, limit: limit)
  }

  /// By the page: longer replies than some tens of MB are not taken by anybody.
  private func ids(_ method: StaticString, after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    var ids: [ChunkID] = []
    while ids.count < limit {
      let wanted = min(limit - ids.count, RemoteRepository.idsAtOnce)
      let last = ids.last ?? marker
      let page = try call(
        ServerCall(method, [("limit", .int(Int64(wanted))), ("marker", last.map { .raw($0.bytes) } ?? .null)]))
      guard let elements = page.arrayValue, elements.count <= wanted else {
        throw RemoteError.unexpectedReply("\(method)")
      }
      for element in elements {
        guard let id = element.rawValue.flatMap({ ChunkID($0) }) else { throw RemoteError.unexpectedReply("\(method)") }
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
    _ = try call(
      ServerCall(
        "commit",
        [
          ("save_space", .bool(false)), ("compact", .bool(options.compacts)), ("threshold", .float(options.threshold)),
          ("cleanup_commits", .bool(options.cleanupCommits)),
        ]))
  }

  public func rollback() throws {
    _ = try connection.call(patience: RemoteRepository.rollbackPatience, ServerCall("rollback").encoded)
    connection.forgetAll()
  }

  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool {
    if maximumSeconds != 0 {
      try RemoteRepository.require(
        [1, 2, 0, -4, 4], "1.2.0a4", of: serverVersion, for: "check max_duration=\(maximumSeconds)")
    }
    connection.forgetAll()
    let reply = try call(
      ServerCall(
        "check",
        [
          ("repair", .bool(repair)), ("save_space", .bool(false)), ("max_duration", .int(Int64(maximumSeconds))),
        ]))
    guard case .bool(let isFine) = reply else { throw RemoteError.unexpectedReply("check") }
    return isFine
  }

  // MARK: Nonce and key

  public func freeNonce() throws -> UInt64? {
    switch try call(ServerCall("get_free_nonce")) {
    case .null: return nil
    case .int(let nonce) where nonce >= 0: return UInt64(nonce)
    case .uint(let nonce): return nonce
    default: throw RemoteError.unexpectedReply("get_free_nonce")
    }
  }

  public func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    _ = try call(
      ServerCall(
        "commit_nonce_reservation",
        [
          ("next_unreserved", RemoteRepository.value(next)),
          ("start_nonce", start.map(RemoteRepository.value) ?? .null),
        ]))
  }

  private static func value(_ number: UInt64) -> MessagePackValue {
    Int64(exactly: number).map { .int($0) } ?? .uint(number)
  }

  public func loadKey() throws -> [UInt8] {
    guard let key = try call(ServerCall("load_key")).rawValue else { throw RemoteError.unexpectedReply("load_key") }
    return key
  }

  public func saveKey(_ key: [UInt8]) throws {
    _ = try call(ServerCall("save_key", [("keydata", .raw(key))]))
  }

  // MARK: End

  public func destroy() throws {
    connection.forgetAll()
    _ = try call(ServerCall("destroy"))
  }

  /// Removes every lock in the repository's directory, whoever holds it.
  public func breakLock() throws { _ = try call(ServerCall("break_lock")) }

  public func close() { connection.close() }

  private func call(_ call: ServerCall) throws -> MessagePackValue { try connection.call(call.encoded) }
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
