import BorgFormat
import BorgSystem

/// A repository in a local directory (repository.md). Readers use positional reads on shared descriptors and never
/// wait for each other; one lock serialises everything that changes state.
public final class LocalRepository: Repository {
  public struct CreateOptions: Sendable {
    public var appendOnly = false
    public var storageQuota: Int64 = 0
    public var makesParentDirectories = false
    public init() {}
  }

  public static func create(
    _ location: Location, _ options: CreateOptions, lock: LockOptions, environment: Environment, monitor: any Monitor
  ) throws -> LocalRepository { fatalError("contract: BorgRepository") }

  public static func open(
    _ location: Location, lock: LockOptions, appendOnly: Bool = false, storageQuota: Int64? = nil,
    environment: Environment, monitor: any Monitor
  ) throws -> LocalRepository { fatalError("contract: BorgRepository") }

  /// Removes every lock in the repository directory, whoever holds it.
  public static func breakLock(_ location: Location) throws { fatalError("contract: BorgRepository") }

  /// Hands the lock over to this process after a fork, while `previousPID` still lives (repository.md 17.6).
  public func migrateLock(from previousPID: Int32) throws { fatalError("contract: BorgRepository") }

  /// Reads and changes the config (`borg config`); see repository.md 3.2.
  public func configValue(section: String, option: String) -> String? { fatalError("contract: BorgRepository") }
  public func setConfigValue(section: String, option: String, _ value: String?) throws {
    fatalError("contract: BorgRepository")
  }
  /// Used and allowed bytes; allowed 0: no quota.
  public func storageQuotaUse() throws -> (used: Int64, quota: Int64) { fatalError("contract: BorgRepository") }

  public var id: ChunkID { fatalError("contract: BorgRepository") }
  public var location: Location { fatalError("contract: BorgRepository") }
  public func get(_ id: ChunkID) throws -> [UInt8] { fatalError("contract: BorgRepository") }
  public func prefetch(_ ids: [ChunkID]) { fatalError("contract: BorgRepository") }
  public func put(_ id: ChunkID, _ object: [UInt8]) throws { fatalError("contract: BorgRepository") }
  public func delete(_ id: ChunkID) throws { fatalError("contract: BorgRepository") }
  public func contains(_ id: ChunkID) throws -> Bool { fatalError("contract: BorgRepository") }
  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] { fatalError("contract: BorgRepository") }
  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] { fatalError("contract: BorgRepository") }
  public func objectCount() throws -> Int { fatalError("contract: BorgRepository") }
  public func commit(_ options: CommitOptions) throws { fatalError("contract: BorgRepository") }
  public func rollback() throws { fatalError("contract: BorgRepository") }
  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool { fatalError("contract: BorgRepository") }
  public func freeNonce() throws -> UInt64? { fatalError("contract: BorgRepository") }
  public func commitNonceReservation(next: UInt64, start: UInt64?) throws { fatalError("contract: BorgRepository") }
  public func loadKey() throws -> [UInt8] { fatalError("contract: BorgRepository") }
  public func saveKey(_ key: [UInt8]) throws { fatalError("contract: BorgRepository") }
  public func destroy() throws { fatalError("contract: BorgRepository") }
  public func close() { fatalError("contract: BorgRepository") }
}
