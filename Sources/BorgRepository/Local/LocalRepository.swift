import BorgFormat
import BorgSystem
import Glibc
import Synchronization

/// A repository in a local directory (repository.md). Readers use positional reads on shared descriptors and never
/// wait for each other; one lock serialises everything that changes state.
public final class LocalRepository: Repository {
  public let id: ChunkID
  public let location: Location
  let core: Mutex<RepositoryCore>
  private let lock: DirectoryLock?
  private let stopRequest: StopRequest

  public struct CreateOptions: Sendable {
    public var appendOnly = false
    public var storageQuota: Int64 = 0
    public var makesParentDirectories = false
    public init() {}
  }

  struct OpenOptions {
    var location: Location
    var lock: LockOptions
    var appendOnly = false
    var storageQuota: Int64?
    var isNew = false
    var readsOnly = false
    /// Attic's repositories are not refused.
    var acceptsAttic = false
    var environment: Environment
    var monitor: any Monitor
  }

  /// Makes the directory with its config and opens it; nothing is committed yet. Throws `RepositoryError` when
  /// something is there already.
  public static func create(
    _ location: Location, _ options: CreateOptions, lock: LockOptions, environment: Environment, monitor: any Monitor
  ) throws -> LocalRepository {
    try RepositoryCreation.create(Files.absolute(location.path), options, monitor: monitor)
    return try LocalRepository(
      OpenOptions(
        location: location, lock: lock, appendOnly: options.appendOnly, storageQuota: options.storageQuota, isNew: true,
        environment: environment, monitor: monitor))
  }

  /// Takes the lock, then reads the config. A `storageQuota` overrides that of the config, 0 included.
  public static func open(
    _ location: Location, lock: LockOptions, appendOnly: Bool = false, storageQuota: Int64? = nil,
    environment: Environment, monitor: any Monitor
  ) throws -> LocalRepository {
    try LocalRepository(
      OpenOptions(
        location: location, lock: lock, appendOnly: appendOnly, storageQuota: storageQuota, environment: environment,
        monitor: monitor))
  }

  /// Opens without any lock, never to change anything: others may write meanwhile, and read-only media will do. Who may
  /// not write is refused as by Borg, who would have to lock, unless `bypassesLock`.
  public static func openForReading(
    _ location: Location, bypassesLock: Bool = false, environment: Environment, monitor: any Monitor
  ) throws -> LocalRepository {
    if !bypassesLock { try RepositoryCore.requireLockable(Files.absolute(location.path)) }
    return try LocalRepository(
      OpenOptions(
        location: location, lock: LockOptions(mode: .none), readsOnly: true, environment: environment, monitor: monitor)
    )
  }

  init(_ options: OpenOptions) throws {
    let core = try RepositoryCore(opening: options)
    id = core.settings.id
    location = core.location
    lock = core.lock
    stopRequest = core.store.stopRequest
    self.core = Mutex(core)
  }

  deinit { close() }

  /// Removes every lock in the repository directory, whoever holds it.
  public static func breakLock(_ location: Location) throws {
    let path = try Files.absolute(location.path)
    guard Files.exists(path) else {
      throw RepositoryError.doesNotExist(path: String(decoding: path, as: UTF8.self))
    }
    try DirectoryLock.breakLocks(path: RepositoryCore.lockPath(path))
  }

  /// Hands the lock over to this process after a fork, while `previousPID` still lives (repository.md 17.6).
  public func migrateLock(from previousPID: Int32) throws {
    try core.withLock { try $0.lock?.migrate(from: previousPID) }
  }

  /// Makes a shared lock exclusive: waits for the other holders to go.
  public func upgradeLock() throws { try core.withLock { try $0.lock?.upgrade() } }

  /// Has the next access find out again what is committed, as after opening. An open transaction stays as it is.
  func forgetIndex() {
    core.withLock { core in
      if core.transaction == nil { core.index = nil }
    }
  }

  // MARK: Objects

  public func get(_ id: ChunkID) throws -> [UInt8] {
    var state = 0
    do {
      return try read(id, &state)
    } catch let error as SystemError where error.code == ESTALE {
      core.withLock { $0.store.forgetFiles() }
      return try read(id, &state)
    } catch let error where RepositoryCore.mayBeRace(error) {
      return try readAgain(id, state, after: error)
    }
  }

  /// Looks in newer states as long as there are any; an object that is in none of them is gone.
  private func readAgain(_ id: ChunkID, _ state: Int, after miss: any Error) throws -> [UInt8] {
    var (state, miss) = (state, miss)
    for _ in 0..<LocalRepository.maximumStates {
      do {
        guard try core.withLock({ try $0.refreshAfterMiss(in: state) }) else { break }
      } catch let error as SystemError where RepositoryCore.mayBeRace(error) {
        miss = error
        continue
      }
      do {
        return try read(id, &state)
      } catch let error where RepositoryCore.mayBeRace(error) {
        miss = error
      }
    }
    throw miss
  }

  private static let maximumStates = 8

  /// Holds the state only to look the object up, and tells its number; reading and checking run beside other readers.
  private func read(_ id: ChunkID, _ state: inout Int) throws -> [UInt8] {
    let found = try core.withLock { core in
      defer { state = core.stateNumber }
      return try core.find(id)
    }
    return switch found {
    case .buffered(let object): object
    case .stored(let file, let location): try SegmentEntryReader.object(file, id, at: location)
    }
  }

  /// Has the kernel read ahead where these objects lie close together.
  public func prefetch(_ ids: [ChunkID]) {
    let runs = core.withLock { (try? $0.runs(of: ids)) ?? [] }
    for run in runs {
      posix_fadvise(run.file.descriptor, off_t(run.start), off_t(run.count), POSIX_FADV_WILLNEED)
    }
  }

  public func put(_ id: ChunkID, _ object: [UInt8]) throws {
    guard object.count <= SegmentEntryHeader.maximumDataSize else {
      throw IntegrityError("More than allowed put data [\(object.count) > \(SegmentEntryHeader.maximumDataSize)]")
    }
    let checksum = object.withUnsafeBytes { SegmentChecksum.entry(id, $0) }
    try core.withLock { try $0.put(id, object, checksum: checksum) }
  }

  public func delete(_ id: ChunkID) throws { try core.withLock { try $0.delete(id) } }

  public func contains(_ id: ChunkID) throws -> Bool { try core.withLock { try $0.readableIndex()[id] != nil } }

  public func objectCount() throws -> Int { try core.withLock { try $0.readableIndex().count } }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try core.withLock { try $0.list(after: marker, limit: limit) }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try core.withLock { try $0.scan(after: marker, limit: limit) }
  }

  public func refresh() throws -> Bool { try core.withLock { try $0.refresh() } }

  public func releaseFiles() { core.withLock { $0.releaseFiles() } }

  // MARK: Transactions

  public func commit(_ options: CommitOptions) throws { try core.withLock { try $0.commit(options) } }

  /// Makes what was written so far durable and ends its segment file, so that a copy of the repository made now is
  /// whole. The transaction stays open.
  public func closeSegment() throws { try core.withLock { try $0.store.closeSegment() } }

  public func rollback() throws { core.withLock { $0.rollback() } }

  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool {
    try core.withLock { try $0.check(repair: repair, maximumSeconds: maximumSeconds) }
  }

  // MARK: Nonce, key and config

  public func freeNonce() throws -> UInt64? { try core.withLock { try $0.freeNonce() } }

  public func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    try core.withLock { try $0.commitNonceReservation(next: next, start: start) }
  }

  public func loadKey() throws -> [UInt8] {
    core.withLock { Array(($0.configValue("key") ?? "").trimmingSpaces().utf8) }
  }

  public func saveKey(_ key: [UInt8]) throws {
    try core.withLock { core in
      core.config[RepositorySettings.section, "key"] = String(decoding: key, as: UTF8.self)
      try core.saveConfig()
    }
  }

  /// Reads and changes the config (`borg config`); see repository.md 3.2.
  public func configValue(section: String, option: String) -> String? {
    core.withLock { $0.config[section, option] }
  }

  public func setConfigValue(section: String, option: String, _ value: String?) throws {
    try core.withLock { core in
      core.config[section, option] = value
      try core.saveConfig()
    }
  }

  /// Used and allowed bytes; allowed 0: no quota.
  public func storageQuotaUse() throws -> (used: Int64, quota: Int64) {
    try core.withLock { (try $0.storageQuotaUse(), $0.storageQuota) }
  }

  // MARK: End

  public func destroy() throws { try core.withLock { try $0.destroy() } }

  /// From any thread; a check, a replay or a compaction that is under way ends with an error.
  public func close() {
    stopRequest.make()
    core.withLock { $0.close() }
  }

  /// Lets go of the lock alone, without waiting for a call that is under way: the process must end right after it.
  public func releaseLock() throws { try lock?.release() }
}
