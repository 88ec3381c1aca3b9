import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// The checks before a repository is trusted (caches.md section 2): is it known, is it where it was, has it the same
/// kind of key, and is it not older than when last seen.
struct SecurityChecks {
  let repository: any Repository
  let key: Key
  let manifestTimestamp: [UInt8]
  let context: SessionContext

  private var security: SecurityManager {
    SecurityManager(repositoryID: repository.id, environment: context.environment)
  }
  private var location: String { repository.location.canonicalPath }

  /// Makes all checks in Borg's order. Throws `ArchiveError.cacheInitAborted`, `.repositoryAccessAborted`,
  /// `.encryptionMethodMismatch`, `.repositoryIDNotUnique` or `.repositoryReplay`.
  func run() throws {
    try checkUnknownUnencrypted()
    let cached = Cache.recorded(repositoryID: repository.id, environment: context.environment)
    try checkLocation(cached: cached?.previousLocation)
    try checkKeyType(cached: cached?.keyType)
    try checkReplay(cached: cached?.timestamp)
    if !security.isKnown { try save() }
  }

  func save() throws {
    try security.save(location: repository.location, keyType: key.type, manifestTimestamp: manifestTimestamp)
  }

  private func checkUnknownUnencrypted() throws {
    guard !key.isLogicallyEncrypted, !security.isKnown else { return }
    let question = SecurityChecks.question(
      "Warning: Attempting to access a previously unknown unencrypted repository!",
      "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK")
    guard context.monitor.ask(question) else { throw ArchiveError.cacheInitAborted }
    try save()
  }

  /// The cache's word beats the security directory's.
  private func checkLocation(cached: String?) throws {
    var previous = security.read("location", monitor: context.monitor)
    context.monitor.debug("security: read previous location '\(previous ?? "")'", logger: "borg.cache")
    if let cached, !cached.isEmpty { previous = recanonicalized(cached) }
    guard let previous, !previous.isEmpty, previous != location else { return }
    let question = SecurityChecks.question(
      "Warning: The repository at location \(location) was previously located at \(previous)",
      "BORG_RELOCATED_REPO_ACCESS_IS_OK")
    guard context.monitor.ask(question) else { throw ArchiveError.repositoryAccessAborted }
    try security.write("location", location)
    try updateCacheConfig()
  }

  /// Borg before 1.0.8 wrote `/~/` where it now writes `/./`; that is no relocation.
  private func recanonicalized(_ previous: String) -> String {
    guard let old = Location(parsing: Array(previous.utf8), defaultRepository: nil),
      old.host == repository.location.host
    else { return previous }
    let before = Array("/~/".utf8)
    let now = Array("/./".utf8)
    guard let current = Location(parsing: Array(location.utf8), defaultRepository: nil), old.path.starts(with: before),
      current.path.starts(with: now), old.path.dropFirst(3) == current.path.dropFirst(3)
    else { return previous }
    return location
  }

  private func updateCacheConfig() throws {
    let directory = Cache.directory(of: repository.id, environment: context.environment)
    let path = Array("\(directory)/config".utf8)
    guard Files.exists(path) else { return }
    let lock = try DirectoryLock.acquire(
      path: Array("\(directory)/lock".utf8), LockOptions(mode: .exclusive, waitSeconds: context.lockWaitSeconds),
      environment: context.environment, monitor: context.monitor)
    defer { try? lock.release() }
    var config = try ConfigFile(parsing: Files.read(path, limit: 1 << 24))
    config["cache", "previous_location"] = location
    try Files.replace(path, with: config.encoded())
  }

  private func checkKeyType(cached: String?) throws {
    let type = "\(key.type.rawValue)"
    if let cached, cached != type { throw ArchiveError.encryptionMethodMismatch }
    if security.isKnown, security.read("key-type", monitor: context.monitor) != type {
      throw ArchiveError.encryptionMethodMismatch
    }
  }

  /// Timestamps are compared as text, as Borg does.
  private func checkReplay(cached: String?) throws {
    let seen = [security.read("manifest-timestamp", monitor: context.monitor), cached].map { Array(($0 ?? "").utf8) }
    guard seen.contains(where: { manifestTimestamp.lexicographicallyPrecedes($0) }) else { return }
    throw key.type == .plaintext ? ArchiveError.repositoryIDNotUnique : .repositoryReplay
  }

  private static func question(_ warning: String, _ variable: String) -> Question {
    Question(
      text: "\(warning)\nDo you want to continue? [yN] ", environmentVariable: variable, falseMessage: "Aborting.",
      invalidMessage: "Invalid answer, aborting.")
  }
}
