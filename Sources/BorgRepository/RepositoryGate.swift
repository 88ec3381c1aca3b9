import BorgSystem
import Synchronization

/// The one place that knows whether a repository is reached through the disk or through a server.
public struct RepositoryGate: Sendable {
  private let remote: RemoteOptions
  private let reconnects: Bool
  private static let silenceLimitSeconds = 60
  private static let idleSeconds: Int64 = 5
  private let environment: Environment
  private let monitor: any Monitor

  /// `reconnects`: a remote repository outlives its connections. Only for what changes nothing.
  public init(remote: RemoteOptions, reconnects: Bool = false, environment: Environment, monitor: any Monitor) {
    self.remote = remote
    self.reconnects = reconnects
    self.environment = environment
    self.monitor = monitor
  }

  /// Opens the repository; with `creation` it is made first. `expectations`: what will be read at once.
  /// `readsBesideWriters`, for distant ones: without a lock where the server can, else with the lock, but not for long
  /// after a read.
  public func open(
    _ location: Location, lock: LockOptions, expecting expectations: RemoteRepository.Expectations = [],
    readsBesideWriters: Bool = false, creation: LocalRepository.CreateOptions? = nil
  ) throws -> any Repository {
    guard location.isLocal else {
      let options = RemoteRepository.OpenOptions(
        lock: lock, creation: creation, expectations: expectations, readsBesideWriters: readsBesideWriters)
      return try openRemote(location, options)
    }
    if let creation {
      return try LocalRepository.create(location, creation, lock: lock, environment: environment, monitor: monitor)
    }
    return try LocalRepository.open(location, lock: lock, environment: environment, monitor: monitor)
  }

  private func openRemote(
    _ location: Location, _ opening: RemoteRepository.OpenOptions
  ) throws -> any Repository {
    if let creation = opening.creation {
      return try RemoteRepository.create(
        location, creation, lock: opening.lock, expecting: opening.expectations, remote: remote,
        environment: environment, monitor: monitor)
    }
    if reconnects { return try openReconnecting(location, opening) }
    return try RemoteRepository.open(location, opening, remote: remote, environment: environment, monitor: monitor)
  }

  private func openReconnecting(
    _ location: Location, _ opening: RemoteRepository.OpenOptions
  ) throws -> ReconnectingRepository {
    var remote = remote
    remote.silenceLimitSeconds = RepositoryGate.silenceLimitSeconds
    let (options, environment, monitor) = (remote, environment, monitor)
    var lasting = ReconnectingRepository.Options()
    lasting.idleSeconds = opening.readsBesideWriters ? RepositoryGate.idleSeconds : nil
    let isFirst = Atomic<Bool>(true)
    return try ReconnectingRepository(lasting, monitor: monitor) { attempt in
      var opening = opening
      if !isFirst.exchange(false, ordering: .relaxed) { opening.expectations = [] }
      return try RemoteRepository.open(
        location, opening, remote: options, attempt: attempt, environment: environment, monitor: monitor)
    }
  }
}
