import BorgFormat
import BorgRepository
import Synchronization

/// A repository in memory, for rooms above BorgRepository: counts what is asked of it and fails where it is told to.
public final class MemoryRepository: Repository {
  private struct State {
    var objects: [ChunkID: [UInt8]] = [:]
    var committed: [ChunkID: [UInt8]] = [:]
    var nonce: UInt64?
    var key: [UInt8] = []
    var gets: [ChunkID: Int] = [:]
    var commits = 0
    var isDestroyed = false
    var getDelay: (@Sendable (ChunkID) -> Void)?
  }

  public let id: ChunkID
  public let location: Location
  private let state: Mutex<State>

  public init(
    id: ChunkID, location: Location, objects: [ChunkID: [UInt8]] = [:], key: [UInt8] = [], nonce: UInt64? = nil
  ) {
    self.id = id
    self.location = location
    state = Mutex(State(objects: objects, committed: objects, nonce: nonce, key: key))
  }

  public var objects: [ChunkID: [UInt8]] { state.withLock { $0.objects } }
  /// How often each object was fetched.
  public var gets: [ChunkID: Int] { state.withLock { $0.gets } }
  public var getCount: Int { state.withLock { $0.gets.values.reduce(0, +) } }
  public var commitCount: Int { state.withLock { $0.commits } }
  public var isDestroyed: Bool { state.withLock { $0.isDestroyed } }

  /// Called before each fetch, without any lock held.
  public func onGet(_ body: (@Sendable (ChunkID) -> Void)?) { state.withLock { $0.getDelay = body } }
  /// Changes an object behind everybody's back; nil removes it.
  public func replace(_ id: ChunkID, with object: [UInt8]?) { state.withLock { $0.objects[id] = object } }
  public func setNonce(_ nonce: UInt64?) { state.withLock { $0.nonce = nonce } }

  public func get(_ id: ChunkID) throws -> [UInt8] {
    state.withLock { $0.getDelay }?(id)
    return try state.withLock { state in
      state.gets[id, default: 0] += 1
      guard let object = state.objects[id] else {
        throw RepositoryError.objectNotFound(id: id, path: location.canonicalPath)
      }
      return object
    }
  }

  public func prefetch(_ ids: [ChunkID]) {}
  public func put(_ id: ChunkID, _ object: [UInt8]) throws { state.withLock { $0.objects[id] = object } }

  public func delete(_ id: ChunkID) throws {
    try state.withLock { state in
      guard state.objects.removeValue(forKey: id) != nil else {
        throw RepositoryError.objectNotFound(id: id, path: location.canonicalPath)
      }
    }
  }

  public func contains(_ id: ChunkID) throws -> Bool { state.withLock { $0.objects[id] != nil } }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    state.withLock { state in
      let ids = state.objects.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
      guard let marker else { return Array(ids.prefix(limit)) }
      return Array(ids.drop { !marker.bytes.lexicographicallyPrecedes($0.bytes) }.prefix(limit))
    }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] { try list(after: marker, limit: limit) }
  public func objectCount() throws -> Int { state.withLock { $0.objects.count } }

  public func commit(_ options: CommitOptions) throws {
    state.withLock { state in
      state.committed = state.objects
      state.commits += 1
    }
  }

  public func rollback() throws { state.withLock { $0.objects = $0.committed } }
  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool { true }
  public func freeNonce() throws -> UInt64? { state.withLock { $0.nonce } }

  public func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    try state.withLock { state in
      guard state.nonce == start else {
        throw RepositoryError.refused("nonce space reservation with mismatched previous state")
      }
      state.nonce = next
    }
  }

  public func loadKey() throws -> [UInt8] { state.withLock { $0.key } }
  public func saveKey(_ key: [UInt8]) throws { state.withLock { $0.key = key } }
  public func destroy() throws { state.withLock { $0.isDestroyed = true } }
  public func close() {}
}
