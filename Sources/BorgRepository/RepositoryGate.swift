import BorgSystem

/// The one place that knows whether a repository is reached through the disk or through a server.
public struct RepositoryGate: Sendable {
  private let remote: RemoteOptions
  private let reconnects: Bool
  private static let silenceLimitSeconds = 60
  private let environment: Environment
  private let monitor: any Monitor

  /// `reconnects`: a remote repository outlives its connections. Only for what changes nothing.
  public init(remote: RemoteOptions, reconnects: Bool = false, environment: Environment, monitor: any Monitor) {
    self.remote = remote
    self.reconnects = reconnects
    self.environment = environment
    self.monitor = monitor
  }

  /// Opens the repository; with `creation` it is made first.
  public func open(
    _ location: Location, lock: LockOptions, creation: LocalRepository.CreateOptions? = nil
  ) throws -> any Repository {
    guard location.isLocal else { return try openRemote(location, lock, creation) }
    if let creation {
      return try LocalRepository.create(location, creation, lock: lock, environment: environment, monitor: monitor)
    }
    return try LocalRepository.open(location, lock: lock, environment: environment, monitor: monitor)
  }

  private func openRemote(
    _ location: Location, _ lock: LockOptions, _ creation: LocalRepository.CreateOptions?
  ) throws -> any Repository {
    if let creation {
      return try RemoteRepository.create(
        location, creation, lock: lock, remote: remote, environment: environment, monitor: monitor)
    }
    var remote = remote
    if reconnects { remote.silenceLimitSeconds = RepositoryGate.silenceLimitSeconds }
    let (options, environment, monitor) = (remote, environment, monitor)
    @Sendable func connect() throws -> RemoteRepository {
      try RemoteRepository.open(location, lock: lock, remote: options, environment: environment, monitor: monitor)
    }
    return reconnects ? try ReconnectingRepository(monitor: monitor, connect: connect) : try connect()
  }
}
