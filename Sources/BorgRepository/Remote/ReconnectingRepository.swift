import BorgFormat
import BorgSystem
import Glibc
import Synchronization

/// A remote repository that outlives its connections, for mounts: what is read while the line is dead waits for a new
/// one, made by one of those who wait; after a time it fails. Changes nothing in the repository.
public final class ReconnectingRepository: ForkableRepository {
  typealias Connect = @Sendable () throws -> RemoteRepository

  public let id: ChunkID
  public let location: Location
  private let connect: Connect
  private let monitor: any Monitor
  private let clock: Clock
  private let patience: Int64
  private let current: Mutex<RemoteRepository>
  private let isClosed = Atomic<Bool>(false)
  /// Held by whoever connects.
  private let connecting = Mutex<Void>(())

  /// How long a read may wait for a new connection, in seconds.
  static let usualPatience: Int64 = 60
  private static let firstPauseMilliseconds = 100
  private static let longestPauseMilliseconds = 5000

  init(
    patienceSeconds: Int64 = ReconnectingRepository.usualPatience, clock: Clock = .system, monitor: any Monitor,
    connect: @escaping Connect
  ) throws {
    let first = try connect()
    id = first.id
    location = first.location
    current = Mutex(first)
    patience = patienceSeconds * 1_000_000_000
    self.clock = clock
    self.monitor = monitor
    self.connect = connect
  }

  private var repository: RemoteRepository { current.withLock { $0 } }

  /// Reads; once more for each new connection while there is patience.
  private func reading<R>(_ body: (RemoteRepository) throws -> R) throws -> R {
    let deadline = clock.monotonic() + patience
    while true {
      let used = repository
      do { return try body(used) } catch let error as RemoteError where error.isLostLine {
        guard !isClosed.load(ordering: .relaxed) else { throw error }
        try replace(used, before: deadline, error)
      }
    }
  }

  private func replace(_ lost: RemoteRepository, before deadline: Int64, _ reason: RemoteError) throws {
    try connecting.withLock { _ in
      guard repository === lost else { return }
      monitor.note("\(reason) Connecting again ...", logger: "borg.remote")
      lost.close()
      var pause = ReconnectingRepository.firstPauseMilliseconds
      while true {
        do {
          let new = try connect()
          guard new.id == id else { throw RepositoryError.invalidRepository(path: location.repositoryText) }
          current.withLock { $0 = new }
          guard isClosed.load(ordering: .relaxed) else { return }
          // Whoever closed meanwhile has closed the lost one.
          new.close()
          throw reason
        } catch let error as RemoteError where error.isLostLine && !isClosed.load(ordering: .relaxed) {
          guard clock.monotonic() < deadline else { throw error }
        } catch RepositoryError.lockTimeout(let path) {
          // Until the server has noticed, too, the lost session's lock may stand.
          guard clock.monotonic() < deadline else { throw RepositoryError.lockTimeout(path: path) }
        }
        usleep(UInt32(pause) * 1000)
        pause = min(2 * pause, ReconnectingRepository.longestPauseMilliseconds)
      }
    }
  }

  public func get(_ id: ChunkID) throws -> [UInt8] { try reading { try $0.get(id) } }
  public func prefetch(_ ids: [ChunkID]) { repository.prefetch(ids) }
  public var readAheadBytes: Int { repository.readAheadBytes }
  public func contains(_ id: ChunkID) throws -> Bool { try reading { try $0.contains(id) } }
  public func objectCount() throws -> Int { try reading { try $0.objectCount() } }
  public func loadKey() throws -> [UInt8] { try reading { try $0.loadKey() } }
  public func freeNonce() throws -> UInt64? { try reading { try $0.freeNonce() } }

  public func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try reading { try $0.list(after: marker, limit: limit) }
  }

  public func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    try reading { try $0.scan(after: marker, limit: limit) }
  }

  // MARK: Nothing is changed

  public func put(_ id: ChunkID, _ object: [UInt8]) throws { throw readOnly }
  public func delete(_ id: ChunkID) throws { throw readOnly }
  public func commit(_ options: CommitOptions) throws { throw readOnly }
  public func rollback() throws {}
  public func check(repair: Bool, maximumSeconds: Int) throws -> Bool { throw readOnly }
  public func commitNonceReservation(next: UInt64, start: UInt64?) throws { throw readOnly }
  public func saveKey(_ key: [UInt8]) throws { throw readOnly }
  public func destroy() throws { throw readOnly }

  private var readOnly: RepositoryError { .refused("This session only reads.") }

  // MARK: End and fork

  public func close() {
    isClosed.store(true, ordering: .relaxed)
    repository.close()
  }

  public func prepareFork() { repository.prepareFork() }
  public func takeOver(from previousPID: Int32) throws { try repository.takeOver(from: previousPID) }
  public func leave() {
    isClosed.store(true, ordering: .relaxed)
    repository.leave()
  }
}

extension RemoteError {
  /// Whether another connection may do what this one could not.
  var isLostLine: Bool {
    switch self {
    case .connectionClosed, .connectionClosedWithHint, .connectionBroken: true
    default: false
    }
  }
}
