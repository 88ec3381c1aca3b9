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

  /// Opens the repository; with `creation` it is made first. `expectations`: what will be read at once.
  public func open(
    _ location: Location, lock: LockOptions, expecting expectations: RemoteRepository.Expectations = [],
    creation: LocalRepository.CreateOptions? = nil
  ) throws -> any Repository {
    guard location.isLocal else { return try openRemote(location, lock, expectations, creation) }
    if let creation {
      return try LocalRepository.create(location, creation, lock: lock, environment: environment, monitor: monitor)
    }
    return try LocalRepository.open(location, lock: lock, environment: environment, monitor: monitor)
  }

  private func openRemote(
    _ location: Location, _ lock: LockOptions, _ expectations: RemoteRepository.Expectations,
    _ creation: LocalRepository.CreateOptions?
  ) throws -> any Repository {
    if let creation {
      return try RemoteRepository.create(
        location, creation, lock: lock, expecting: expectations, remote: remote, environment: environment,
        monitor: monitor)
    }
    let opening = RemoteRepository.OpenOptions(lock: lock, expectations: expectations)
    return reconnects
      ? try openReconnecting(location, opening)
      : try RemoteRepository.open(
        location, lock: lock, expecting: expectations, remote: remote, environment: environment, monitor: monitor)
  }

  private func openReconnecting(
    _ location: Location, _ opening: RemoteRepository.OpenOptions
  ) throws -> ReconnectingRepository {
    var remote = remote
    remote.silenceLimitSeconds = RepositoryGate.silenceLimitSeconds
    let (options, environment, monitor) = (remote, environment, monitor)
    return try ReconnectingRepository(monitor: monitor) { attempt in
      try RemoteRepository.open(
        location, opening, remote: options, attempt: attempt, environment: environment, monitor: monitor)
    }
  }
}
