/// A repository whose session can move into a forked process. A process forks while it has one thread.
public protocol ForkableRepository: Repository {
  /// Before the fork: ends threads. Nothing may be asked until one of the others was called.
  func prepareFork()
  /// Goes on with the session in this process; `previousPID` is the process that had it before.
  func takeOver(from previousPID: Int32) throws
  /// Lets go of the session, which another process has now.
  func leave()
}

extension LocalRepository: ForkableRepository {
  public func prepareFork() {}
  public func takeOver(from previousPID: Int32) throws { try migrateLock(from: previousPID) }
  public func leave() {}
}

extension RemoteRepository: ForkableRepository {
  public func prepareFork() { suspend() }
  public func takeOver(from previousPID: Int32) throws { try resume() }
  public func leave() { abandon() }
}
