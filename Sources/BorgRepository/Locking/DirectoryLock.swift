import BorgSystem

/// Borg's lock on a directory (repository.md section 17): `lock.exclusive` and `lock.roster` below it. Used for
/// repositories and, always exclusively, for cache directories.
public final class DirectoryLock: Sendable {
  /// `path` is the common prefix, such as `<repository>/lock`. Throws `RepositoryError.lockTimeout` or `.lockFailed`.
  public static func acquire(
    path: [UInt8], _ options: LockOptions, environment: Environment, monitor: any Monitor
  ) throws -> DirectoryLock { fatalError("contract: BorgRepository") }
  public func upgrade() throws { fatalError("contract: BorgRepository") }
  public func release() throws { fatalError("contract: BorgRepository") }
  public var holdsExclusively: Bool { fatalError("contract: BorgRepository") }
  public func migrate(from previousPID: Int32) throws { fatalError("contract: BorgRepository") }
  public static func breakLocks(path: [UInt8]) throws { fatalError("contract: BorgRepository") }
}
