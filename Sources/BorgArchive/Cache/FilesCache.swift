import BorgFormat

/// `--files-cache MODE` (caches.md section 6).
public struct FilesCacheMode: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }
  public static let ctime = FilesCacheMode(rawValue: 1)
  public static let mtime = FilesCacheMode(rawValue: 2)
  public static let size = FilesCacheMode(rawValue: 4)
  public static let inode = FilesCacheMode(rawValue: 8)
  public static let rechunk = FilesCacheMode(rawValue: 16)
  public static let disabled = FilesCacheMode(rawValue: 32)
  public static let standard: FilesCacheMode = [.ctime, .size, .inode]
  /// Parses the option's value; nil when the combination is not allowed.
  public init?(parsing text: String) { fatalError("contract: BorgArchive cache") }
}

/// Files that need not be read again: Borg's files cache. Entries lie in one packed block, not one object a file.
/// Used by the walking thread only.
public final class FilesCache: @unchecked Sendable {
  public enum Answer: Sendable {
    /// Not in the cache (status A).
    case unknown
    /// Known and changed (status M).
    case changed
    /// Unchanged: these are its chunks. The caller checks that all are in the chunk index.
    case unchanged([ChunkID])
  }

  public let mode: FilesCacheMode

  public init(mode: FilesCacheMode) { fatalError("contract: BorgArchive cache") }
  /// Looks up by the keyed hash of the absolute path; an unchanged entry is refreshed (inode, age 0).
  public func lookup(_ pathHash: ChunkID, inode: UInt64, size: Int64, ctime: Int64, mtime: Int64) -> Answer {
    fatalError("contract: BorgArchive cache")
  }
  /// Remembers a file that was read.
  public func remember(
    _ pathHash: ChunkID, inode: UInt64, size: Int64, ctime: Int64, mtime: Int64, chunks: [ChunkID]
  ) { fatalError("contract: BorgArchive cache") }
}
