import BorgSystem
import Glibc
import Synchronization

/// Borg's lock on a directory (repository.md section 17): `lock.exclusive` and `lock.roster` below it. Used for
/// repositories and, always exclusively, for cache directories.
///
/// An exclusive holder keeps the `lock.exclusive` directory all the time; a shared one only while it edits the roster.
/// Nothing is refreshed and nothing expires: whether a holder still lives is judged by its process id.
public final class DirectoryLock: Sendable {
  private let state: Mutex<DirectoryLockState>

  private init(_ state: DirectoryLockState) {
    self.state = Mutex(state)
  }

  /// `path` is the common prefix, such as `<repository>/lock`. Throws `RepositoryError.lockTimeout` or `.lockFailed`.
  public static func acquire(
    path: [UInt8], _ options: LockOptions, environment: Environment, monitor: any Monitor
  ) throws -> DirectoryLock {
    guard options.waitSeconds >= 0 else { throw RepositoryError.refused("timeout must be >= 0") }
    let holder = LockHolder.current(environment)
    let mutex = ExclusiveLock(
      path: path + Array(".exclusive".utf8), host: holder.host, waitSeconds: options.waitSeconds, monitor: monitor,
      holder: holder)
    let roster = LockRoster(path: path + Array(".roster".utf8), host: holder.host, monitor: monitor)
    let lock = DirectoryLock(
      DirectoryLockState(
        path: String(decoding: path, as: UTF8.self), waitSeconds: options.waitSeconds, mutex: mutex, roster: roster))
    try lock.state.withLock { state in
      switch options.mode {
      case .none: break
      case .shared: try state.acquireShared()
      case .exclusive: try state.acquireExclusively(leaving: nil)
      }
    }
    return lock
  }

  /// From shared to exclusive: waits for the other holders to go. Does nothing when it is exclusive already.
  public func upgrade() throws {
    try state.withLock { state in
      if state.mode == .shared { try state.acquireExclusively(leaving: .shared) }
    }
  }

  /// Throws `RepositoryError.notLocked` or `.notMyLock` when somebody took the lock away. Idempotent.
  public func release() throws {
    try state.withLock { try $0.release() }
  }

  /// Whether the lock is exclusive and really still ours on disk.
  public var holdsExclusively: Bool {
    state.withLock { $0.mode == .exclusive && $0.mutex.isLocked && $0.mutex.isMine }
  }

  /// Hands the lock over from `previousPID`, which still lives, to this process after a fork (repository.md 17.6).
  public func migrate(from previousPID: Int32) throws {
    try migrate(from: previousPID, to: getpid())
  }

  func migrate(from previousPID: Int32, to newPID: Int32) throws {
    try state.withLock { try $0.migrate(from: Int64(previousPID), to: Int64(newPID)) }
  }

  /// Removes roster and mutex, whoever holds them.
  public static func breakLocks(path: [UInt8]) throws {
    try LockRoster.delete(path: path + Array(".roster".utf8))
    try ExclusiveLock.breakLock(path: path + Array(".exclusive".utf8))
  }
}

/// What a `DirectoryLock` holds, and how it changes.
private struct DirectoryLockState {
  let path: String
  let waitSeconds: Int
  var mutex: ExclusiveLock
  var roster: LockRoster
  var mode: LockOptions.Mode = .none

  mutating func acquireShared() throws {
    try mutex.acquire()
    try thenReleasingMutex { try $0.roster.add($0.mutex.holder, to: .shared) }
    mode = .shared
  }

  /// Waits until nobody is left in the roster as shared, then keeps the mutex. `kind` is our own roster entry so far.
  mutating func acquireExclusively(leaving kind: LockRoster.Kind?) throws {
    let timer = LockTimer(seconds: waitSeconds, sleepNanoseconds: 200_000_000)
    while true {
      try mutex.acquire()
      if try becomesOnlyHolder(leaving: kind) { break }
      if timer.isOverOrSleeps() { throw RepositoryError.lockTimeout(path: path) }
    }
    mode = .exclusive
  }

  /// Under the mutex. When others share the directory, gives the mutex back and leaves the roster as it was.
  private func becomesOnlyHolder(leaving kind: LockRoster.Kind?) throws -> Bool {
    do {
      if let kind { try roster.remove(mutex.holder, from: kind) }
      if try roster.isEmpty(.shared) {
        try roster.add(mutex.holder, to: .exclusive)
        return true
      }
      if let kind { try roster.add(mutex.holder, to: kind) }
    } catch {
      try? mutex.release()
      throw error
    }
    try mutex.release()
    return false
  }

  mutating func release() throws {
    let held = mode
    mode = .none
    switch held {
    case .none: break
    case .shared:
      try mutex.acquire()
      try thenReleasingMutex { try $0.leaveRoster(.shared) }
    case .exclusive:
      try thenReleasingMutex { try $0.leaveRoster(.exclusive) }
    }
  }

  private func leaveRoster(_ kind: LockRoster.Kind) throws {
    try roster.remove(mutex.holder, from: kind)
    if try roster.isEmpty(.exclusive, .shared) { try LockRoster.delete(path: roster.path) }
  }

  mutating func migrate(from previousPID: Int64, to newPID: Int64) throws {
    guard mode != .none, mutex.holder.pid == previousPID, newPID != previousPID else { return }
    let newHolder = LockHolder(host: mutex.holder.host, pid: newPID)
    if mode == .exclusive { return try move(to: newHolder, .exclusive) }
    try mutex.acquire()
    try thenReleasingMutex { try $0.move(to: newHolder, .shared) }
  }

  private mutating func move(to newHolder: LockHolder, _ kind: LockRoster.Kind) throws {
    let oldHolder = mutex.holder
    try mutex.migrate(to: newHolder)
    roster.dropsStaleHolders = false
    defer { roster.dropsStaleHolders = true }
    if try roster.remove(oldHolder, from: kind) { try roster.add(newHolder, to: kind) }
  }

  private mutating func thenReleasingMutex(_ body: (inout Self) throws -> Void) throws {
    do {
      try body(&self)
    } catch {
      try? mutex.release()
      throw error
    }
    try mutex.release()
  }
}
