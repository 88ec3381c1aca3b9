import BorgFormat
import BorgSystem
import Glibc

/// Laying out a new repository (repository.md section 4).
enum RepositoryCreation {
  static let readme =
    "This is a Borg Backup repository.\nSee https://borgbackup.readthedocs.io/\n"

  /// Throws `RepositoryError` when something is there already, here or in a parent.
  static func create(_ path: [UInt8], _ options: LocalRepository.CreateOptions, monitor: any Monitor) throws {
    try checkTarget(path)
    try checkParents(path)
    if options.makesParentDirectories { try Files.makeDirectories(Files.parent(of: path)) }
    try makeDirectory(path)
    let readme = try File.open(Files.join(path, Array("README".utf8)), O_WRONLY | O_CREAT | O_TRUNC)
    try readme.write(Array(self.readme.utf8))
    try readme.close()
    try Files.makeDirectory(Files.join(path, Array("data".utf8)))
    try ConfigWriter(repository: path, toleratesReadOnly: false, monitor: monitor).write(newConfig(options))
  }

  private static func checkTarget(_ path: [UInt8]) throws {
    let text = String(decoding: path, as: UTF8.self)
    let status: stat
    do {
      status = try Files.status(path)
    } catch let error as SystemError where error.code == ENOENT {
      return
    } catch let error as SystemError where isPermission(error) {
      throw RepositoryError.pathPermissionDenied(path: text)
    }
    if isRepository(path) { throw RepositoryError.alreadyExists(path: text) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw RepositoryError.pathAlreadyExists(path: text) }
    do {
      guard try Files.names(in: path).isEmpty else { throw RepositoryError.pathAlreadyExists(path: text) }
    } catch let error as SystemError where isPermission(error) {
      throw RepositoryError.pathPermissionDenied(path: text)
    }
  }

  private static func checkParents(_ path: [UInt8]) throws {
    var child = path
    while Files.parent(of: child) != child {
      child = Files.parent(of: child)
      if isRepository(child) { throw RepositoryError.alreadyExists(path: String(decoding: child, as: UTF8.self)) }
    }
  }

  private static func makeDirectory(_ path: [UInt8]) throws {
    guard !Files.exists(path) else { return }
    do {
      try Files.makeDirectory(path)
    } catch let error as SystemError where error.code == ENOENT {
      throw RepositoryError.parentPathDoesNotExist(path: String(decoding: path, as: UTF8.self))
    }
  }

  /// By what its README says; this is asked for creating alone.
  private static func isRepository(_ path: [UInt8]) -> Bool {
    guard let file = try? File.open(Files.join(path, Array("README".utf8)), O_RDONLY | O_NONBLOCK) else { return false }
    let start = withUnsafeTemporaryAllocation(byteCount: 100, alignment: 1) { buffer in
      String(decoding: buffer[..<((try? file.read(into: buffer)) ?? 0)], as: UTF8.self)
    }
    return start.holds("Borg Backup repository") || start.holds("Borg repository")
  }

  private static func isPermission(_ error: SystemError) -> Bool { error.code == EACCES || error.code == EPERM }

  private static func newConfig(_ options: LocalRepository.CreateOptions) -> ConfigFile {
    var config = ConfigFile()
    let values = [
      ("version", "1"),
      ("segments_per_dir", "\(RepositorySettings.defaultSegmentsPerDirectory)"),
      ("max_segment_size", "\(RepositorySettings.defaultMaximumSegmentSize)"),
      ("append_only", options.appendOnly ? "1" : "0"),
      ("storage_quota", "\(options.storageQuota)"),
      ("additional_free_space", "0"),
      ("id", Hex.encode(randomBytes(ChunkID.byteCount))),
    ]
    for (option, value) in values { config[RepositorySettings.section, option] = value }
    return config
  }
}

extension String {
  fileprivate func holds(_ needle: String) -> Bool {
    let bytes = Array(utf8)
    let wanted = Array(needle.utf8)
    guard bytes.count >= wanted.count else { return false }
    return (0...(bytes.count - wanted.count)).contains { bytes[$0...].starts(with: wanted) }
  }
}
