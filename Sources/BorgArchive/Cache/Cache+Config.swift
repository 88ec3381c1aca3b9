import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// The cache's config as `borg config --cache` reads and changes it (caches.md 3.1).
extension Cache {
  /// The only option that users may change.
  public static let changeableOption = "previous_location"

  /// The config's text as it is; the cache is made and brought in step first, as every use of it does.
  public static func configFile(of session: RepositorySession) throws -> ConfigFile {
    try createNew(session: session, lockWaitSeconds: session.context.lockWaitSeconds)
    return try readConfig(configPath(session))
  }

  /// Changes one option of `[cache]` under the cache's lock; nil removes it.
  public static func setConfigValue(_ option: String, _ value: String?, of session: RepositorySession) throws {
    try createNew(session: session, lockWaitSeconds: session.context.lockWaitSeconds)
    let lock = try DirectoryLock.acquire(
      path: CachePath.file("lock", in: directoryPath(session)),
      LockOptions(mode: .exclusive, waitSeconds: session.context.lockWaitSeconds),
      environment: session.context.environment, monitor: session.context.monitor)
    defer { try? lock.release() }
    var config = try readConfig(configPath(session))
    config["cache", option] = value
    try Files.replace(configPath(session), with: config.encoded())
  }

  private static func readConfig(_ path: [UInt8]) throws -> ConfigFile {
    try ConfigFile(parsing: Files.read(path, limit: 1 << 24))
  }

  private static func directoryPath(_ session: RepositorySession) -> [UInt8] {
    CachePath.directory(of: session.repository.id, environment: session.context.environment)
  }

  private static func configPath(_ session: RepositorySession) -> [UInt8] {
    CachePath.file("config", in: directoryPath(session))
  }
}
