import BorgFormat
import Synchronization

/// All archives as directories of the root (fuse.md section 4). An archive is read when something inside it is asked
/// for: once, however many ask, while the other archives go on answering.
public final class RepositoryTree: FileTree {
  private let slots: [ArchiveSlot]
  private let ordinals: [[UInt8]: Int]
  private let options: TreeOptions

  public init(_ source: any TreeSource, options: TreeOptions) throws(TreeError) {
    let archives = try source.archives()
    var slots: [ArchiveSlot] = []
    var ordinals: [[UInt8]: Int] = [:]
    for archive in archives where ordinals[archive.name] == nil && archive.name.isFileName {
      ordinals[archive.name] = slots.count
      slots.append(ArchiveSlot(archive, slots.count, source, options))
    }
    self.slots = slots
    self.ordinals = ordinals
    self.options = options
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    guard parent == InodeNumber.root else {
      let slot = try slot(parent)
      if parent == slot.directory, name.isDot { return slot.attributes }
      if parent == slot.directory, name.isDotDot { return root }
      return try slot.tree().lookup(name, in: parent)
    }
    if name.isDot || name.isDotDot { return root }
    guard let ordinal = ordinals[Array(name)] else { throw .noSuchEntry }
    return slots[ordinal].attributes
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    if inode == InodeNumber.root { return root }
    let slot = try slot(inode)
    return inode == slot.directory ? slot.attributes : try slot.tree().attributes(of: inode)
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    guard directory == InodeNumber.root else {
      try slot(directory).tree().forEachEntry(of: directory, after: position, body)
      return
    }
    guard emitDots(after: position, own: root, parent: root, body) else { return }
    // Positions: 1 and 2 are the dots, archive n is n + 3.
    let first = Int(clamping: max(position, 2)) - 2
    for ordinal in min(first, slots.count)..<slots.count {
      let goesOn = slots[ordinal].archive.name.withUnsafeBytes {
        body(TreeEntry(name: $0, position: UInt64(ordinal) + 3, attributes: slots[ordinal].attributes))
      }
      guard goesOn else { return }
    }
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent { try tree(inode).open(inode) }

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
    return try tree(inode).xattr(name, of: inode)
  }

  public var statistics: TreeStatistics {
    var total = TreeStatistics()
    for slot in slots {
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

  private var root: Attributes {
    options.syntheticDirectory(inode: InodeNumber.root, time: options.mountTime)
  }

  private func slot(_ inode: UInt64) throws(TreeError) -> ArchiveSlot {
    guard let ordinal = InodeNumber.archive(of: inode), ordinal < slots.count else { throw .noSuchEntry }
    return slots[ordinal]
  }

  private func tree(_ inode: UInt64) throws(TreeError) -> ArchiveTree {
    if inode == InodeNumber.root { throw .isADirectory }
    return try slot(inode).tree()
  }

  /// The root, or an archive's directory that nobody has entered: listing must not read archives.
  private func isUnread(_ inode: UInt64) -> Bool {
    guard let slot = try? slot(inode) else { return inode == InodeNumber.root }
    return inode == slot.directory && slot.loaded == nil
  }
}

/// One archive's place in the repository's tree.
private final class ArchiveSlot: Sendable {
  let archive: TreeArchive
  let directory: UInt64
  private let base: UInt64
  private let source: any TreeSource
  private let options: TreeOptions
  private let built = AtomicLazyReference<ArchiveTree>()
  /// Held while building. An archive that could not be read stays unreadable.
  private let failure = Mutex<TreeError?>(nil)

  init(_ archive: TreeArchive, _ ordinal: Int, _ source: any TreeSource, _ options: TreeOptions) {
    self.archive = archive
    base = InodeNumber.base(ofArchive: ordinal)
    directory = base | 1
    self.source = source
    self.options = options
  }

  var loaded: ArchiveTree? { built.load() }

  func tree() throws(TreeError) -> ArchiveTree {
    if let tree = built.load() { return tree }
    return try failure.withLock { (failure) throws(TreeError) in
      if let tree = built.load() { return tree }
      if let failure { throw failure }
      do throws(TreeError) {
        return built.storeIfNil(
          try ArchiveTree(
            of: archive, from: source, options: options, base: base, parentOfRoot: InodeNumber.root))
      } catch {
        failure = error
        throw error
      }
    }
  }

  /// The directory's own attributes, without reading the archive; its time is the archive's start.
  var attributes: Attributes {
    if let tree = built.load(), let known = try? tree.attributes(of: directory) { return known }
    var unread = options.syntheticDirectory(inode: directory, time: archive.start)
    unread.areFinal = false
    return unread
  }
}

extension [UInt8] {
  /// Whether a directory can hold an entry of this name.
  fileprivate var isFileName: Bool { !contains(TreePath.separator) && withUnsafeBytes { TreePath.isName($0) } }
}
