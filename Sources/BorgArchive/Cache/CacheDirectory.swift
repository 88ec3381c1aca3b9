import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// `CACHE/REPOID/` under its lock, which is always exclusive: config, index, files cache and the transaction that
/// guards them (caches.md section 3).
final class CacheDirectory {
  let path: [UInt8]
  var config: CacheConfig
  /// `files`, or `files.` with BORG_FILES_CACHE_SUFFIX.
  let filesName: String
  private let lock: DirectoryLock
  let session: RepositorySession

  static let chunksName = "chunks"
  static let archivesName = "chunks.archive.d"

  /// Takes the lock, makes the directory when there is none, undoes a broken transaction and reads the config. A
  /// directory without a readable config is emptied.
  static func open(_ session: RepositorySession, lockWaitSeconds: Int) throws -> CacheDirectory {
    let environment = session.context.environment
    let path = CachePath.directory(of: session.repository.id, environment: environment)
    if !Files.exists(path) { try create(path, session) }
    let lock = try DirectoryLock.acquire(
      path: path + Array("/lock".utf8), LockOptions(mode: .exclusive, waitSeconds: lockWaitSeconds),
      environment: environment, monitor: session.context.monitor)
    do {
      return try CacheDirectory(path, lock, session)
    } catch {
      try? lock.release()
      throw error
    }
  }

  private init(_ path: [UInt8], _ lock: DirectoryLock, _ session: RepositorySession) throws {
    self.path = path
    self.lock = lock
    self.session = session
    filesName = CachePath.filesName(session.context.environment)
    let isWhole = try Self.rollback(path)
    let config = isWhole ? try Self.readConfig(path, session) : nil
    self.config = config ?? CacheConfig(repositoryID: session.repository.id)
    if config == nil { try wipe() }
  }

  func close() {
    try? lock.release()
  }

  func file(_ name: String) -> [UInt8] { CachePath.file(name, in: path) }

  /// Nil when there is none or it cannot be read as one; throws when another version of Borg wrote it.
  private static func readConfig(_ path: [UInt8], _ session: RepositorySession) throws -> CacheConfig? {
    let monitor = session.context.monitor
    do {
      let file = CachePath.file("config", in: path)
      let config = try CacheConfig(parsing: try Files.read(file), path: displayText(file))
      if config.lacksIntegrity {
        monitor.note(
          "Cache integrity data not available: old Borg version modified the cache.", logger: "borg.cache")
      }
      return config
    } catch is FormatError {
      return nil
    } catch let error as SystemError where error.code == ENOENT {
      return nil
    }
  }
}

// MARK: - Making and emptying

extension CacheDirectory {
  private static let readme = """
    This is a Borg Backup cache.
    See https://borgbackup.readthedocs.io/

    """

  /// Makes a new, empty cache: under another name first, so that it is there whole or not at all.
  private static func create(_ path: [UInt8], _ session: RepositorySession) throws {
    _ = try session.context.environment.ensureCacheDirectory()
    let temporary = path + Array(".\(Files.randomSuffix()).tmp".utf8)
    try Files.makeDirectory(temporary)
    do {
      try fill(temporary, session)
      try Files.rename(temporary, path)
    } catch {
      try? Files.removeTree(temporary)
      if Files.exists(path) { return }
      throw error
    }
  }

  private static func fill(_ path: [UInt8], _ session: RepositorySession) throws {
    let config = CacheConfig(repositoryID: session.repository.id)
    try VerifiedFile.overwrite(CachePath.file("README", in: path), with: readme)
    try Files.replace(CachePath.file("config", in: path), with: config.encoded(location: nil))
    try HashIndex(valueWords: 3).withFileBytes {
      try VerifiedFile.overwrite(CachePath.file(chunksName, in: path), with: $0)
    }
    try Files.makeDirectory(CachePath.file(archivesName, in: path))
    try VerifiedFile.overwrite(
      CachePath.file(CachePath.filesName(session.context.environment), in: path), with: "")
    try VerifiedFile.overwrite(CachePath.file("pre12-meta", in: path), with: "{}")
  }

  /// Empties the cache, so that a resync will fill it.
  func wipe() throws {
    session.context.monitor.note(
      "Discarding incompatible or corrupted cache and forcing a cache rebuild", logger: "borg.cache")
    let archives = file(Self.archivesName)
    if CachePath.isDirectory(archives) {
      try Files.removeTree(archives)
      try Files.makeDirectory(archives)
    }
    config.reset()
    try write(HashIndex(valueWords: 3))
    try writeFiles([])
    try saveConfig()
  }
}

// MARK: - Files

extension CacheDirectory {
  /// Without the file no transaction can begin.
  var hasChunks: Bool { Files.exists(file(Self.chunksName)) }

  /// Nil when the file is missing, damaged or no chunk index.
  func readChunks() -> HashIndex? {
    try? loadChunks()
  }

  /// Reads straight into the table's own memory.
  private func loadChunks() throws -> HashIndex {
    let source = try File.open(file(Self.chunksName), O_RDONLY | O_CLOEXEC)
    let size = Int(try source.size())
    return try HashIndex(fileSize: size, valueWords: 3) { buffer in
      guard try source.read(into: buffer) == size else { throw FormatError("file ends too early") }
      let isIntact = VerifiedFile.isIntact(
        UnsafeRawBufferPointer(buffer), name: Self.chunksName, integrity: config.integrity[Self.chunksName],
        headerLength: HashIndex.headerSize, monitor: session.context.monitor)
      guard isIntact else { throw IntegrityError("File failed integrity check: \(displayText(source.path))") }
    }
  }

  /// Throws `ArchiveError.plain` when BORG_FILES_CACHE_TTL is no number: better now than at the commit.
  func loadFiles(_ mode: FilesCacheMode) throws -> FilesCache {
    guard !mode.contains(.disabled) else { return FilesCache(mode: mode) }
    _ = try filesCacheTimeToLive()
    let loader = FilesCacheLoader(
      path: file(filesName), name: filesName, integrity: config.integrity[filesName.lowercased()],
      monitor: session.context.monitor)
    return FilesCache(mode: mode, loader: loader)
  }

  func write(_ index: borrowing HashIndex) throws {
    try index.withFileBytes { try writeChunks($0) }
  }

  func writeChunks(_ bytes: UnsafeRawBufferPointer) throws {
    let digests = try VerifiedFile.write(
      bytes, to: file(Self.chunksName), name: Self.chunksName, headerLength: HashIndex.headerSize)
    config.setIntegrity(digests, of: Self.chunksName)
  }

  func writeFiles(_ bytes: [UInt8]) throws {
    let digests = try bytes.withUnsafeBytes {
      try VerifiedFile.write($0, to: file(filesName), name: filesName, headerLength: nil)
    }
    config.setIntegrity(digests, of: filesName)
  }

  func saveConfig() throws {
    try Files.replace(file("config"), with: config.encoded(location: session.repository.location.canonicalPath))
  }
}
