import BorgFormat
import BorgSystem
import Glibc

/// A remote repository that outlives its connections, for mounts. Changes nothing in the repository.
///
/// What is read while there is no line waits for a new one: one attempt serves all who wait, and each waits no longer
/// than its own patience. A line that nobody has used for some seconds is let go of, and with it the server's lock.
public final class ReconnectingRepository: ForkableRepository, @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  typealias Connect = @Sendable (ConnectionAttempt) throws -> RemoteRepository

  public struct Options: Sendable {
    /// How long a read may wait for a new connection.
    public var patienceSeconds: Int64 = 60
    /// A line that was not used for so long is let go of by `releaseFiles`; nil: never.
    public var idleSeconds: Int64?

    public init() {}
  }

  public let id: ChunkID
  public let location: Location
  private let connect: Connect
  private let monitor: any Monitor
  private let clock: Clock
  private let options: Options

  private let condition = Condition()
  private var line: Line?
  private var isClosed = false
  /// The newest state of the repository that whoever asked has been told of: a connection's number.
  private var seenLine = 1
  private var lineCount = 1
  private var lastLook: Int64 = 0
  /// Objects that were announced while there was no line.
  private var announced: [ChunkID] = []

  private struct Line {
    let repository: RemoteRepository
    var readers = 0
    var lastUse: Int64
  }

  /// The thread that connects, or did so last.
  private var connector: Worker?
  private var attempt: ConnectionAttempt?
  private var isConnecting = false
  /// The last reader's deadline.
  private var connectingUntil: Int64 = 0
  /// How long the next attempt is put off: longer with each one that brought no answer to anybody, nothing after that.
  private var pause: Int64 = 0
  /// Why there is no line, and how often connecting has been given up.
  private var reason: any Error = RemoteError.connectionClosed
  private var failures = 0

  private static let firstPause: Int64 = 100_000_000
  private static let longestPause: Int64 = 5_000_000_000
  /// How long a look for changes waits for a line.
  private static let lookPatience: Int64 = 2_000_000_000
  private static let maximumAnnounced = 4096

  init(
    _ options: Options = Options(), clock: Clock = .system, monitor: any Monitor, connect: @escaping Connect
  ) throws {
    let first = try connect(ConnectionAttempt())
    id = first.id
    location = first.location
    line = Line(repository: first, lastUse: clock.monotonic())
    lastLook = clock.monotonic()
    self.options = options
    self.clock = clock
    self.monitor = monitor
    self.connect = connect
  }

  /// Reads; once more for each new connection while there is patience.
  func reading<R>(_ body: (RemoteRepository) throws -> R) throws -> R {
    let deadline = clock.monotonic() + options.patienceSeconds * 1_000_000_000
    while true {
      let used = try begin(before: deadline)
      do {
        let read = try body(used)
        end(used)
        return read
      } catch let error as RemoteError where error.isLostLine {
        lose(used, error)
      } catch {
        end(used)
        throw error
      }
    }
  }

  private func begin(before deadline: Int64) throws -> RemoteRepository {
    try condition.withLock {
      let failures = failures
      while true {
        if isClosed { throw RemoteError.connectionClosed }
        if let repository = line?.repository {
          line?.readers += 1
          return repository
        }
        let left = deadline - clock.monotonic()
        guard left > 0, failures == self.failures else { throw reason }
        try startConnecting(until: deadline)
        condition.wait(nanoseconds: left)
      }
    }
  }

  private func end(_ repository: RemoteRepository) {
    condition.withLock {
      pause = 0
      guard line?.repository === repository else { return }
      line?.readers -= 1
      line?.lastUse = clock.monotonic()
    }
  }

  /// The first to notice takes the line away.
  private func lose(_ repository: RemoteRepository, _ error: RemoteError) {
    let isFirst = condition.withLock {
      guard line?.repository === repository, !isClosed else { return false }
      line = nil
      reason = error
      return true
    }
    guard isFirst else { return }
    monitor.note("\(error) Connecting again ...", logger: "borg.remote")
    repository.close()
  }

  // MARK: Connecting

  /// With the lock held: has a thread connect, until a reader has no more patience.
  private func startConnecting(until deadline: Int64) throws {
    connectingUntil = max(connectingUntil, deadline)
    guard !isConnecting else { return }
    // The one before has nothing more to do.
    connector?.join()
    connector = nil
    isConnecting = true
    do { connector = try Worker { [self] in connectAgain() } } catch {
      isConnecting = false
      throw error
    }
  }

  private func connectAgain() {
    while let attempt = condition.withLock({ nextAttempt() }) {
      let outcome = Result { () throws -> RemoteRepository in
        let new = try connect(attempt)
        guard new.id == id else {
          new.close()
          throw RepositoryError.invalidRepository(path: location.repositoryText)
        }
        return new
      }
      // Whoever starts the next thread waits for this one with the lock held.
      let (isDone, isLate) = condition.withLock { (finish(outcome), isClosed) }
      guard isDone else { continue }
      if isLate, case .success(let new) = outcome { new.close() }
      return
    }
  }

  /// With the lock held: an attempt, after the pause; nil: nobody wants one any more.
  private func nextAttempt() -> ConnectionAttempt? {
    guard !isClosed, clock.monotonic() + pause < connectingUntil else {
      giveUp()
      return nil
    }
    if pause > 0 { condition.wait(nanoseconds: pause) }
    guard !isClosed else {
      giveUp()
      return nil
    }
    pause = min(max(2 * pause, ReconnectingRepository.firstPause), ReconnectingRepository.longestPause)
    attempt = ConnectionAttempt()
    return attempt
  }

  /// With the lock held. True: this was the last attempt for now.
  private func finish(_ outcome: Result<RemoteRepository, any Error>) -> Bool {
    attempt = nil
    switch outcome {
    case .success where isClosed: isConnecting = false
    case .success(let new):
      lineCount += 1
      line = Line(repository: new, lastUse: clock.monotonic())
      isConnecting = false
      if !announced.isEmpty { new.prefetch(announced) }
      announced = []
      condition.broadcast()
    case .failure(let error):
      reason = error
      guard !ReconnectingRepository.mayPass(error) else { return false }
      giveUp()
    }
    return true
  }

  /// With the lock held: those who wait are told that there will be no line.
  private func giveUp() {
    isConnecting = false
    failures += 1
    announced = []
    condition.broadcast()
  }

  /// Until the server has noticed, too, a lost session's lock may stand.
  private static func mayPass(_ error: any Error) -> Bool {
    if case .lockTimeout? = error as? RepositoryError { return true }
    return (error as? RemoteError)?.isLostLine == true
  }

  // MARK: Reading

  public let readAheadBytes = RemoteRepository.usualReadAheadBytes

  /// Without a line they are noted for the next one.
  public func prefetch(_ ids: [ChunkID]) { prefetch(ids, sizes: []) }

  public func prefetch(_ ids: [ChunkID], sizes: [Int]) {
    let repository = condition.withLock { () -> RemoteRepository? in
      if let line { return line.repository }
      announced += ids.prefix(max(0, ReconnectingRepository.maximumAnnounced - announced.count))
      return nil
    }
    repository?.prefetch(ids, sizes: sizes)
  }

  /// True once for each new line: others may have written while there was none; and now and then where they may write
  /// beside it. A line is looked for, but not long.
  public func refresh() throws -> Bool {
    try condition.withLock {
      let deadline = clock.monotonic() + ReconnectingRepository.lookPatience
      let failures = failures
      while line == nil, !isClosed, failures == self.failures {
        let left = deadline - clock.monotonic()
        guard left > 0 else { return false }
        try startConnecting(until: deadline)
        condition.wait(nanoseconds: left)
      }
      guard line != nil else { return false }
      let now = clock.monotonic()
      let isDue = options.idleSeconds.map { now - lastLook >= $0 * 1_000_000_000 } ?? false
      guard isDue || seenLine != lineCount else { return false }
      (seenLine, lastLook) = (lineCount, now)
      return true
    }
  }

  /// Lets go of a line that nobody has used for some time, so that others can write.
  public func releaseFiles() {
    guard let idleSeconds = options.idleSeconds else { return }
    let idle = condition.withLock { () -> RemoteRepository? in
      guard let line, line.readers == 0, clock.monotonic() - line.lastUse >= idleSeconds * 1_000_000_000 else {
        return nil
      }
      self.line = nil
      reason = RemoteError.connectionClosed
      return line.repository
    }
    idle?.closeSoon()
  }

  // MARK: End and fork

  public func close() {
    let (line, attempt) = condition.withLock { () -> (Line?, ConnectionAttempt?) in
      defer { self.line = nil }
      isClosed = true
      condition.broadcast()
      return (self.line, self.attempt)
    }
    attempt?.giveUp()
    joinConnector()
    line?.repository.close()
  }

  private func joinConnector() {
    let connector = condition.withLock {
      defer { self.connector = nil }
      return self.connector
    }
    connector?.join()
  }

  public func prepareFork() {
    joinConnector()
    condition.withLock { line?.repository }?.prepareFork()
  }

  public func takeOver(from previousPID: Int32) throws {
    try condition.withLock { line?.repository }?.takeOver(from: previousPID)
  }

  public func leave() {
    let line = condition.withLock { () -> Line? in
      defer { self.line = nil }
      isClosed = true
      return self.line
    }
    line?.repository.leave()
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
