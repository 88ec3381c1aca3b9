import BorgFormat
import BorgSystem

/// The local cache of one repository: `CACHE/REPOID/` (caches.md section 3). Opening it takes its exclusive lock and
/// brings the chunk index in step with the manifest.
public final class Cache: @unchecked Sendable {
  public let session: RepositorySession
  public let chunks: ChunkIndex
  /// `CACHE/REPOID`; nil for the ad-hoc cache of --no-cache-sync.
  public let directory: String?
  public let files: FilesCache

  public struct Options: Sendable {
    public var lockWaitSeconds = 1
    /// nil: `disabled` (every command but create).
    public var filesCacheMode: FilesCacheMode = .disabled
    /// create --no-cache-sync.
    public var avoidsSync = false
    public init() {}
  }

  public init(session: RepositorySession, _ options: Options) throws { fatalError("contract: BorgArchive cache") }

  /// Only what `init` needs: creates the cache directory for a new repository.
  public static func createNew(session: RepositorySession, lockWaitSeconds: Int) throws {
    fatalError("contract: BorgArchive cache")
  }

  /// The path that `info` shows, whether or not it exists.
  public static func directory(of repositoryID: ChunkID, environment: Environment) -> String {
    fatalError("contract: BorgArchive cache")
  }
  /// `delete` of a whole repository, `delete --cache-only`.
  public static func destroy(repositoryID: ChunkID, environment: Environment) throws {
    fatalError("contract: BorgArchive cache")
  }
  public static func breakLock(repositoryID: ChunkID, environment: Environment) throws {
    fatalError("contract: BorgArchive cache")
  }
  /// The cache config's previous_location, timestamp and key_type, for the security checks; nil without a cache.
  public static func recorded(
    repositoryID: ChunkID, environment: Environment
  ) -> (previousLocation: String?, timestamp: String?, keyType: String?)? {
    fatalError("contract: BorgArchive cache")
  }

  /// Stores a sealed object for a chunk that is new, and counts it: one reference. For metadata and delete paths;
  /// `create`'s pipeline has its own way through `chunks`.
  public func add(_ id: ChunkID, object: [UInt8], size: UInt32) throws { fatalError("contract: BorgArchive cache") }
  /// Drops one reference; deletes the object from the repository when it was the last. Statistics get the negative
  /// sizes.
  public func removeReference(_ id: ChunkID, statistics: inout Statistics, part: Bool = false) throws {
    fatalError("contract: BorgArchive cache")
  }
  /// Saves everything under the session's current manifest id; after the repository's commit.
  public func commit() throws { fatalError("contract: BorgArchive cache") }
  /// Drops the unsaved changes and lets go of the lock. Idempotent.
  public func close() { fatalError("contract: BorgArchive cache") }
}
