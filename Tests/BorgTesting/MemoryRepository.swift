import BorgFormat
import BorgRepository
import Synchronization

/// A repository in memory, for rooms above BorgRepository: counts what is asked of it and fails where it is told to.
public final class MemoryRepository: Repository {
  public enum Call: Hashable, Sendable {
    case get, prefetch, put, delete, contains, list, scan, objectCount, commit, rollback, check, freeNonce
    case commitNonceReservation, loadKey, saveKey, destroy, close
  }

  private struct State {
    var objects: [ChunkID: [UInt8]] = [:]
    /// Ids in the order of their puts.
    var order: [ChunkID] = []
    var committed: (objects: [ChunkID: [UInt8]], order: [ChunkID]) = ([:], [])
    var nonce: UInt64?
    var key: [UInt8] = []
    var calls: [Call: Int] = [:]
    var gets: [ChunkID: Int] = [:]
    var faults: [Call: any Error] = [:]
    var damaged: [ChunkID: any Error] = [:]
    var isDestroyed = false
    var onGet: (@Sendable (ChunkID) -> Void)?

    mutating func set(_ id: ChunkID, _ object: [UInt8]?) {
      if objects.removeValue(forKey: id) != nil { order.removeAll { $0 == id } }
      guard let object else { return }
      objects[id] = object
      order.append(id)
    }
  }

  public let id: ChunkID
  public let location: Location
  private let state: Mutex<State>

  public init(
    id: ChunkID = ChunkID(words: (1, 2, 3, 4)),
    location: Location = Location(host: .local, path: Array("/memory".utf8)),
    objects: [ChunkID: [UInt8]] = [:], key: [UInt8] = [], nonce: UInt64? = nil
  ) {
    self.id = id
    self.location = location
    let order = objects.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    state = Mutex(State(objects: objects, order: order, committed: (objects, order), nonce: nonce, key: key))
  }

  // MARK: What tests ask and set

  public var objects: [ChunkID: [UInt8]] { state.withLock { $0.objects } }
  public func count(_ call: Call) -> Int { state.withLock { $0.calls[call] ?? 0 } }
  /// How often each object was fetched.
  public var gets: [ChunkID: Int] { state.withLock { $0.gets } }
  public var getCount: Int { count(.get) }
  public var commitCount: Int { count(.commit) }
  public var isDestroyed: Bool { state.withLock { $0.isDestroyed } }

  public func resetCounts() {
    state.withLock {
      $0.calls = [:]
      $0.gets = [:]
    }
  }

  /// Called before each fetch, without any lock held.
  public func onGet(_ body: (@Sendable (ChunkID) -> Void)?) { state.withLock { $0.onGet = body } }
  /// Every such call throws `error` from now on; nil heals.
  public func fail(_ call: Call, with error: (any Error)?) { state.withLock { $0.faults[call] = error } }
  /// Getting this object throws `error`; nil heals.
  public func fail(getting id: ChunkID, with error: (any Error)?) { state.withLock { $0.damaged[id] = error } }
  public func setNonce(_ nonce: UInt64?) { state.withLock { $0.nonce = nonce } }

  /// Changes an object behind everybody's back; nil removes it.
  public func replace(_ id: ChunkID, with object: [UInt8]?) { state.withLock { $0.set(id, object) } }

  // MARK: Repository

  public func get(_ id: ChunkID) throws -> [UInt8] {
    state.withLock { $0.onGet }?(id)
    return try enter(.get) { state in
      state.gets[id, default: 0] += 1
      if let error = state.damaged[id] { throw error }
      guard let object = state.objects[id] else { throw notFound(id) }
      return object
    }
  }

  public func prefetch(_ ids: [ChunkID]) { state.withLock { $0.calls[.prefetch, default: 0] += 1 } }
  public func put(_ id: ChunkID, _ object: [UInt8]) throws { try enter(.put) { $0.set(id, object) } }

  public func delete(_ id: ChunkID) throws {
    try enter(.delete) { state in
      guard state.objects[id] != nil else { throw notFound(id) }
      state.set(id, nil)
    }
  }

  public func contains(_ id: ChunkID) throws -> Bool { try enter(.contains) { $0.objects[id] != nil } }
  public func objectCount() throws -> Int { try enter(.objectCount) { $0.objects.count } }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try enter(.list) { try page($0.order, after: marker, limit: limit) }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try enter(.scan) { try page($0.order, after: marker, limit: limit) }
  }

  public func commit(_ options: CommitOptions) throws { try enter(.commit) { $0.committed = ($0.objects, $0.order) } }
  public func rollback() throws { try enter(.rollback) { ($0.objects, $0.order) = $0.committed } }
  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool { try enter(.check) { $0.damaged.isEmpty } }
  public func freeNonce() throws -> UInt64? { try enter(.freeNonce) { $0.nonce } }

  public func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    try enter(.commitNonceReservation) { state in
      guard state.nonce == start else {
        throw RepositoryError.refused("nonce space reservation with mismatched previous state")
      }
      state.nonce = next
    }
  }

  public func loadKey() throws -> [UInt8] { try enter(.loadKey) { $0.key } }
  public func saveKey(_ key: [UInt8]) throws { try enter(.saveKey) { $0.key = key } }
  public func destroy() throws { try enter(.destroy) { $0.isDestroyed = true } }
  public func close() { state.withLock { $0.calls[.close, default: 0] += 1 } }

  private func page(_ ids: [ChunkID], after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    guard let marker else { return Array(ids.prefix(limit)) }
    guard let position = ids.firstIndex(of: marker) else { throw notFound(marker) }
    return Array(ids[(position + 1)...].prefix(limit))
  }

  private func notFound(_ id: ChunkID) -> RepositoryError {
    .objectNotFound(id: id, path: location.canonicalPath)
  }

  private func enter<R: Sendable>(_ call: Call, _ body: (inout State) throws -> R) throws -> R {
    try state.withLock { state in
      state.calls[call, default: 0] += 1
      if let fault = state.faults[call] { throw fault }
      return try body(&state)
    }
  }
}
