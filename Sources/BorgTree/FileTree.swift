import BorgFormat

/// A read-only tree of files by inode number. The root is inode 1. Archives in it come and go; what is in
/// one never changes. Thread-safe.
public protocol FileTree: AnyObject, Sendable {
  /// The entry called `name` in the directory `parent`; `.` and `..` are answered too.
  func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes
  func attributes(of inode: UInt64) throws(TreeError) -> Attributes
  /// Calls `body` with the directory's entries after the one whose position is `position` (0: from the start) until
  /// it returns false. `.` and `..` come first, the others in order of their first appearance.
  func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError)
  func open(_ inode: UInt64) throws(TreeError) -> any TreeContent
  /// Whether `open` succeeds for every file there is, so that nobody need ask.
  var opensEverything: Bool { get }
  /// The regular file that comes next in the archive after this one, of those with contents that can be opened; nil:
  /// there is none nearby.
  func file(after inode: UInt64) -> FollowingFile?
  func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8]
  func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]]
  /// The attribute's value; `.noSuchAttribute` when it has none of this name, `.noAttributesOfKind` when nothing in the
  /// tree has any of this kind: `ls` then asks for no other object's.
  func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8]
  var statistics: TreeStatistics { get }
}

/// One name in a directory; `name` is only valid during the call that hands it over.
public struct TreeEntry {
  public var name: UnsafeRawBufferPointer
  /// What to give `forEachEntry` to go on after this entry.
  public var position: UInt64
  public var attributes: Attributes
}

/// The file that whoever reads an archive's files in order reads next.
public struct FollowingFile: Equatable {
  public var inode: UInt64
  public var size: Int64

  public init(inode: UInt64, size: Int64) {
    self.inode = inode
    self.size = size
  }
}

/// What a tree holds in memory.
public struct TreeStatistics: Sendable, Equatable {
  public var loadedArchives = 0
  public var pendingArchives = 0
  public var nodes = 0
  public var bytes = 0
}

/// Inode numbers: 1 is the root of what is mounted. In a repository the node `n` of an archive is `tag << 32 | n + 1`, the
/// tag being made from the archive's id; where one tree is mounted alone its node `n` is `n + 1`. Node numbers follow
/// from the archive alone, so an inode number is the same in every mount, whatever was looked at first, and nothing has
/// to be remembered for the kernel.
enum InodeNumber {
  static let root: UInt64 = 1

  static func base(_ tag: UInt32) -> UInt64 { UInt64(tag) << 32 }

  /// The tag of the archive whose directory holds the inode; nil for the repository's root and what no tree gives out.
  static func tag(of inode: UInt64) -> UInt32? {
    let tag = UInt32(truncatingIfNeeded: inode >> 32)
    return tag == 0 ? nil : tag
  }

  /// Where the search for a free tag begins: 31 bits of the id, so that inode numbers stay positive for everybody.
  static func firstTag(_ id: ChunkID) -> UInt32 { max(1, UInt32(truncatingIfNeeded: id.words.0) & maximumTag) }

  static func tag(after tag: UInt32) -> UInt32 { tag >= maximumTag ? 1 : tag + 1 }

  /// The part of generations that follows from the archives: bits of their ids that tags do not hold.
  static func generation(_ archives: [TreeArchive]) -> UInt32 {
    archives.reduce(0) { $0 ^ UInt32(truncatingIfNeeded: $1.id.words.1) }
  }

  private static let maximumTag: UInt32 = 0x7FFF_FFFF
}

extension UnsafeRawBufferPointer {
  var isDot: Bool { count == 1 && self[0] == 0x2E }
  var isDotDot: Bool { count == 2 && self[0] == 0x2E && self[1] == 0x2E }
}
