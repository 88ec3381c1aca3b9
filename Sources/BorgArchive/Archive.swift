import BorgFormat
import BorgSystem

/// One archive, opened for reading: its metadata with a verified TAM.
public struct Archive: Sendable {
  public let session: RepositorySession
  public let entry: Manifest.Entry
  public let metadata: ArchiveMetadata
  /// Whether a TAM was present and verified.
  public let isAuthenticated: Bool
  /// Plaintext and envelope length of the metadata object.
  public let metadataSize: Int
  public let metadataStoredSize: Int

  /// Throws `ArchiveError.doesNotExist`, TAM errors, or integrity errors.
  public init(named name: [UInt8], in session: RepositorySession) throws {
    fatalError("contract: BorgArchive read")
  }
  public init(_ entry: Manifest.Entry, in session: RepositorySession) throws {
    fatalError("contract: BorgArchive read")
  }

  /// Start and end in nanoseconds since 1970.
  public var start: Int64 { fatalError("contract: BorgArchive read") }
  public var end: Int64 { fatalError("contract: BorgArchive read") }

  /// All items in archive order. `body` returns false to stop.
  public func forEachItem(_ body: (Item) throws -> Bool) throws { fatalError("contract: BorgArchive read") }

  /// Stored statistics, or computed from the items for archives that lack them.
  public func statistics() throws -> Statistics { fatalError("contract: BorgArchive read") }

  /// Drops one reference of everything the archive holds (deleting what nobody else needs) and takes it out of the
  /// manifest in memory. With `force`, damaged metadata is tolerated; returns whether any was.
  public func delete(cache: Cache, statistics: inout Statistics, force: Bool) throws -> Bool {
    fatalError("contract: BorgArchive read")
  }

  /// Gives the archive a new name: new metadata object, manifest in memory changed.
  public func rename(to name: [UInt8], cache: Cache) throws { fatalError("contract: BorgArchive read") }
}

/// Sizes in bytes and a file count, as --stats sums them.
public struct Statistics: Sendable, Equatable {
  public var originalSize: Int64 = 0
  public var compressedSize: Int64 = 0
  public var deduplicatedSize: Int64 = 0
  public var fileCount: Int64 = 0
  public var originalSizeParts: Int64 = 0
  public var compressedSizeParts: Int64 = 0
  public var deduplicatedSizeParts: Int64 = 0
  public var fileCountParts: Int64 = 0

  public init() {}

  /// Adds one chunk reference; `unique`: this run stored (or, negative, deleted) it.
  public mutating func add(size: Int64, storedSize: Int64, unique: Bool, part: Bool = false) {
    if part {
      originalSizeParts += size
      compressedSizeParts += storedSize
      if unique { deduplicatedSizeParts += storedSize }
    } else {
      originalSize += size
      compressedSize += storedSize
      if unique { deduplicatedSize += storedSize }
    }
  }
}
