import BorgFormat
import Synchronization

/// All archives as directories of the root (fuse.md section 4). An archive is read when something inside it is asked
/// for: once, however many ask, while the other archives go on answering. Trees of archives that nobody has looked into
/// for long are given up within a bound of bytes, and made again. Archives come and go as the source says.
public final class RepositoryTree: FileTree {
  private let source: any TreeSource
  let store: BlockStore
  let options: TreeOptions
  private let shown: Mutex<ArchiveList>
  /// Held by who looks for changes: what one look finds is shown before the next one begins.
  private let looking = Mutex<Void>(())

  public init(_ source: any TreeSource, options: TreeOptions) throws(TreeError) {
    self.source = source
    self.options = options
    let store = BlockStore(source, options: options)
    self.store = store
    var list = ArchiveList(time: options.mountTime)
    list.update(try source.archives()) { ArchiveSlot($0, $1, store, options) }
    shown = Mutex(list)
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    // Whoever remembers an inode number that the kernel has forgotten asks for its `.`, and may never look at the root.
    if parent == InodeNumber.root || name.isDot { lookForChanges() }
    guard parent == InodeNumber.root else {
      let slot = try slot(parent)
      if parent == slot.directory, name.isDot { return slot.attributes }
      if parent == slot.directory, name.isDotDot { return root }
      return try tree(of: slot).lookup(name, in: parent)
    }
    if name.isDot || name.isDotDot { return root }
    guard let slot = shown.withLock({ $0.slot(named: Array(name)) }) else { throw .noSuchArchive }
    return slot.attributes
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    if inode == InodeNumber.root {
      lookForChanges()
      return root
    }
    let slot = try slot(inode)
    return inode == slot.directory ? slot.attributes : try tree(of: slot).attributes(of: inode)
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    guard directory == InodeNumber.root else {
      try tree(directory).forEachEntry(of: directory, after: position, body)
      return
    }
    if position == 0 { lookForChanges() }
    guard emitDots(after: position, own: root, parent: root, body) else { return }
    for slot in shown.withLock({ $0.slots(after: position) }) {
      let goesOn = slot.archive.name.withUnsafeBytes {
        body(TreeEntry(name: $0, position: slot.position, attributes: slot.attributes))
      }
      guard goesOn else { return }
    }
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent { try tree(inode).open(inode) }

  public func file(after inode: UInt64) -> FollowingFile? {
    inode == InodeNumber.root ? nil : (try? slot(inode))?.loaded?.file(after: inode)
  }

  /// Unread archives may hold damaged files.
  public var opensEverything: Bool { options.opensDamagedFiles }

  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] {
    if inode == InodeNumber.root { throw .notASymbolicLink }
    return try tree(inode).linkTarget(of: inode)
  }

  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] {
    isUnread(inode) ? [] : try tree(inode).xattrNames(of: inode)
  }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    if isUnread(inode) { throw .noSuchAttribute }
    do throws(TreeError) { return try tree(inode).xattr(name, of: inode) } catch .noAttributesOfKind {
      // Who hears that asks for nothing in any other archive, either.
      throw isKnownToBeWithout(AttributeKinds(name: name)) ? .noAttributesOfKind : .noSuchAttribute
    }
  }

  /// Whether all archives have been read, and have no attributes of this kind.
  private func isKnownToBeWithout(_ kind: AttributeKinds) -> Bool {
    shown.withLock { $0.slots }.allSatisfy { $0.attributeKinds.map { !$0.contains(kind) } ?? false }
  }

  public var statistics: TreeStatistics {
    var total = TreeStatistics()
    total.bytes = store.byteCount
    for slot in shown.withLock({ $0.slots }) {
      guard let tree = slot.loaded else {
        total.pendingArchives += 1
        continue
      }
      total.loadedArchives += 1
      total.nodes += tree.statistics.nodes
      total.bytes += tree.statistics.bytes
    }
    return total
  }

  /// Nobody waits for another one's look, which may take long when the repository is far away.
  func lookForChanges() {
    _ = looking.withLockIfAvailable { _ in
      guard let archives = source.changedArchives() else { return }
      shown.withLock { [store, options] list in list.update(archives) { ArchiveSlot($0, $1, store, options) } }
    }
  }

  /// When the archives that there are last changed, in nanoseconds since 1970.
  var changeTime: Int64 { shown.withLock { $0.time } }

  private var root: Attributes {
    var root = options.syntheticDirectory(inode: InodeNumber.root, time: changeTime)
    root.mayVanish = true
    return root
  }

  /// An archive that is gone may come back.
  private func slot(_ inode: UInt64) throws(TreeError) -> ArchiveSlot {
    guard let tag = InodeNumber.tag(of: inode), let slot = shown.withLock({ $0.slot(tagged: tag) }) else {
      throw .noSuchArchive
    }
    return slot
  }

  private func tree(_ inode: UInt64) throws(TreeError) -> ArchiveTree {
    if inode == InodeNumber.root { throw .isADirectory }
    return try tree(of: slot(inode))
  }

  private func tree(of slot: ArchiveSlot) throws(TreeError) -> ArchiveTree {
    if let tree = slot.loaded { return tree }
    let tree = try slot.tree()
    shown.withLock { [source] list in list.noteReading(slot, maximumBytes: source.metadataBytes) }
    return tree
  }

  /// The root, or an archive's directory that nobody has entered: listing must not read archives.
  private func isUnread(_ inode: UInt64) -> Bool {
    guard let slot = try? slot(inode) else { return inode == InodeNumber.root }
    return inode == slot.directory && !slot.wasRead
  }
}
