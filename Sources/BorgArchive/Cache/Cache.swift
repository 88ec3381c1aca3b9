import BorgFormat
import BorgRepository
import BorgSystem

/// The local cache of one repository: `CACHE/REPOID/` (caches.md section 3). Opening it takes its exclusive lock and
/// brings the chunk index in step with the manifest. Without a directory it is the ad-hoc cache of --no-cache-sync:
/// an index in memory that knows all chunks of the repository, but neither their sizes nor who refers to them.
public final class Cache: @unchecked Sendable {
  // Safe: `chunks` and `files` lock themselves; the rest is touched by the command's own thread only.
  public let session: RepositorySession
  public let chunks: ChunkIndex
  /// `CACHE/REPOID`; nil for the ad-hoc cache of --no-cache-sync.
  public let directory: String?
  public let files: FilesCache
  private var opened: CacheDirectory?

  public struct Options: Sendable {
    public var lockWaitSeconds = 1
    /// `disabled`: every command but create.
    public var filesCacheMode: FilesCacheMode = .disabled
    /// create --no-cache-sync.
    public var avoidsSync = false

    public init() {}
  }

  /// Throws lock errors, and whatever a resync meets in the repository.
  public init(session: RepositorySession, _ options: Options) throws {
    self.session = session
    guard let opened = try Self.openDirectory(session, options) else {
      chunks = ChunkIndex(try AdHocIndex.build(session))
      directory = nil
      files = FilesCache(mode: .disabled)
      return
    }
    do {
      try Self.prepare(opened, session)
      let loadedFiles = try opened.loadFiles(options.filesCacheMode)
      defer { loadedFiles.settle() }
      chunks = try Self.openChunks(opened, session)
      files = loadedFiles
      directory = displayText(opened.path)
      self.opened = opened
    } catch {
      opened.close()
      throw error
    }
  }

  deinit { close() }

  /// Saves everything under the session's current manifest id; after the repository's commit. Nothing happens when
  /// no chunk was added or removed.
  public func commit() throws {
    guard chunks.withTable({ $0.isModified }) else { return }
    try session.saveSecurity()
    if let opened { try opened.commit(chunks, files) }
    chunks.withTable { $0.markSaved() }
  }

  /// Drops the unsaved changes and lets go of the lock. Idempotent.
  public func close() {
    guard let opened else { return }
    self.opened = nil
    opened.close()
  }
}

// MARK: - Opening

extension Cache {
  /// Only what `init` needs: creates the cache directory for a new repository.
  public static func createNew(session: RepositorySession, lockWaitSeconds: Int) throws {
    var options = Options()
    options.lockWaitSeconds = lockWaitSeconds
    try Cache(session: session, options).close()
  }

  /// Nil: the ad-hoc cache is wanted, since the one on disk is absent or out of step.
  private static func openDirectory(_ session: RepositorySession, _ options: Options) throws -> CacheDirectory? {
    if options.avoidsSync, !hasConfig(session.repository.id, session.context.environment) { return nil }
    let opened = try CacheDirectory.open(session, lockWaitSeconds: options.lockWaitSeconds)
    if options.avoidsSync, opened.config.manifestID != session.manifestID {
      opened.close()
      return nil
    }
    return opened
  }

  /// Empties a cache that was made with features this program does not know, and notes the repository's features.
  private static func prepare(_ opened: CacheDirectory, _ session: RepositorySession) throws {
    if !opened.config.mandatoryFeatures.isEmpty { try opened.wipe() }
    opened.config.ignoredFeatures.formUnion(session.mandatoryFeatures.values.joined())
  }

  private static func openChunks(_ opened: CacheDirectory, _ session: RepositorySession) throws -> ChunkIndex {
    if opened.config.manifestID == session.manifestID {
      if let index = opened.readChunks() { return ChunkIndex(index) }
      try opened.wipe()
    } else if !opened.hasChunks {
      try opened.wipe()
    }
    var sync = CacheSync(session, directory: opened.path)
    let index = try sync.run()
    try opened.beginTransaction()
    try opened.write(index)
    opened.report("Saving chunks cache")
    try opened.finishCommit()
    return ChunkIndex(index)
  }

  private static func hasConfig(_ repositoryID: ChunkID, _ environment: Environment) -> Bool {
    Files.exists(CachePath.file("config", in: CachePath.directory(of: repositoryID, environment: environment)))
  }
}

// MARK: - References

extension Cache {
  /// Stores a sealed object for a chunk that is new, and counts it: one reference. A known one is only counted. For
  /// metadata and delete paths; `create`'s pipeline has its own way through `chunks`.
  public func add(_ id: ChunkID, object: [UInt8], size: UInt32) throws {
    if chunks.addReference(id, size: size) != nil { return }
    guard let storedSize = UInt32(exactly: object.count) else { throw IntegrityError("object \(id.hex) is too large") }
    try session.repository.put(id, object)
    chunks.insert(id, size: size, storedSize: storedSize)
  }

  /// Drops one reference; deletes the object from the repository when it was the last. Statistics get the negative
  /// sizes. Throws `ArchiveError.plain` for a chunk that the index does not know.
  public func removeReference(_ id: ChunkID, statistics: inout Statistics, part: Bool = false) throws {
    guard let entry = chunks.removeReference(id) else {
      throw ArchiveError.plain(
        "Chunk ID \(id.hex) missing from chunks index, corrupted chunks index - aborting transaction.")
    }
    let isGone = entry.references == 0
    if isGone { try session.repository.delete(id) }
    statistics.add(size: -Int64(entry.size), storedSize: -Int64(entry.storedSize), unique: isGone, part: part)
  }

  /// What `info` and --stats show of all archives: chunk counts and unique sizes from the index, total sizes from the
  /// archives' own statistics, which leave out the parts of checkpoints unless asked for. The ad-hoc cache knows the
  /// number of unique chunks only.
  public func summary(considersParts: Bool = false) throws -> ChunkIndex.Summary {
    var summary = chunks.summary()
    summary.totalSize = 0
    summary.totalStoredSize = 0
    session.announce(session.manifest.data.archives)
    for entry in session.manifest.data.archives {
      let statistics = try Archive(entry, in: session).statistics()
      summary.totalSize &+= statistics.originalSize
      summary.totalStoredSize &+= statistics.compressedSize
      guard considersParts else { continue }
      summary.totalSize &+= statistics.originalSizeParts
      summary.totalStoredSize &+= statistics.compressedSizeParts
    }
    return summary
  }
}

// MARK: - Without opening

extension Cache {
  /// The path that `info` shows, whether or not it exists.
  public static func directory(of repositoryID: ChunkID, environment: Environment) -> String {
    displayText(CachePath.directory(of: repositoryID, environment: environment))
  }

  /// `delete` of a whole repository, `delete --cache-only`.
  public static func destroy(repositoryID: ChunkID, environment: Environment) throws {
    try MetadataIndex.destroy(repositoryID: repositoryID, environment: environment)
    guard hasConfig(repositoryID, environment) else { return }
    let path = CachePath.directory(of: repositoryID, environment: environment)
    try Files.unlink(CachePath.file("config", in: path))
    try Files.removeTree(path)
  }

  public static func breakLock(repositoryID: ChunkID, environment: Environment) throws {
    let path = CachePath.directory(of: repositoryID, environment: environment)
    guard Files.exists(path) else { return }
    try DirectoryLock.breakLocks(path: CachePath.file("lock", in: path))
  }

  /// The cache config's previous_location, timestamp and key_type, for the security checks; nil without a cache.
  public static func recorded(
    repositoryID: ChunkID, environment: Environment
  ) -> (previousLocation: String?, timestamp: String?, keyType: String?)? {
    guard let config = try? readConfig(repositoryID, environment) else { return nil }
    return (config.previousLocation, config.timestamp, config.keyType)
  }

  private static func readConfig(_ repositoryID: ChunkID, _ environment: Environment) throws -> CacheConfig {
    let path = CachePath.file("config", in: CachePath.directory(of: repositoryID, environment: environment))
    return try CacheConfig(parsing: try Files.read(path), path: displayText(path))
  }
}
