import BorgFormat

/// A read-only tree of files by inode number. The root is inode 1. Nothing in it ever changes. Thread-safe.
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
  func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8]
  func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]]
  /// The attribute's value; `.noSuchAttribute` when it has none of this name.
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

/// What a tree holds in memory.
public struct TreeStatistics: Sendable, Equatable {
  public var loadedArchives = 0
  public var pendingArchives = 0
  public var nodes = 0
  public var bytes = 0
}

/// Inode numbers: 1 is the root of what is mounted. In a repository the node `n` of archive `a` is `(a + 1) << 32 |
/// n + 1`; where one tree is mounted alone its node `n` is `n + 1`. Nothing is remembered, whatever was looked at first.
enum InodeNumber {
  static let root: UInt64 = 1

  static func base(ofArchive ordinal: Int) -> UInt64 { UInt64(ordinal + 1) << 32 }

  /// The archive whose directory holds the inode; nil for the repository's root.
  static func archive(of inode: UInt64) -> Int? { Int(inode >> 32) - 1 < 0 ? nil : Int(inode >> 32) - 1 }
}

extension UnsafeRawBufferPointer {
  var isDot: Bool { count == 1 && self[0] == 0x2E }
  var isDotDot: Bool { count == 2 && self[0] == 0x2E && self[1] == 0x2E }
}
