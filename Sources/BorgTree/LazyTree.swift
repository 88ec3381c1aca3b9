/// A tree that is not made before something in it is asked for: once, however many ask. One that cannot be made answers
/// with the reason whatever is asked, and is tried again later.
public final class LazyTree: FileTree {
  private let options: TreeOptions
  private let deferred: Deferred<ArchiveTree>

  public init(options: TreeOptions, _ make: @escaping @Sendable () throws(TreeError) -> ArchiveTree) {
    self.options = options
    deferred = Deferred(make)
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    try tree().lookup(name, in: parent)
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    if inode == InodeNumber.root, made == nil {
      var root = options.syntheticDirectory(inode: inode, time: options.mountTime)
      root.areFinal = false
      return root
    }
    return try tree().attributes(of: inode)
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    try tree().forEachEntry(of: directory, after: position, body)
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent { try tree().open(inode) }
  public func file(after inode: UInt64) -> FollowingFile? { made?.file(after: inode) }
  public var opensEverything: Bool { options.opensDamagedFiles || made?.opensEverything ?? false }
  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] { try tree().linkTarget(of: inode) }
  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] { try tree().xattrNames(of: inode) }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    try tree().xattr(name, of: inode)
  }

  public var statistics: TreeStatistics { made?.statistics ?? TreeStatistics() }

  /// Nil as long as it is being made, too: its root and what there is to count are told without waiting.
  private var made: ArchiveTree? { deferred.known }

  private func tree() throws(TreeError) -> ArchiveTree { try deferred.value() }
}
