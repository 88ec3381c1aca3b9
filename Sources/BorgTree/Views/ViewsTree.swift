import BorgFormat
import Synchronization

/// A repository's tree and, beside it, other ways to its archives: the folder `.borg` in the root. It is found by name but
/// not listed, so that neither file managers nor copies stumble over it:
///
///     .borg/latest                    a link to the newest archive
///     .borg/by-date/2024-05-01T03:00:00  links to all archives
///     .borg/by-host/HOST/ARCHIVE      links by the host they were made on, and `latest` for each
///     .borg/history/PATH/             for a folder all names it ever had; for a file a link to each of its versions,
///                                     called by the time and name of the first archive that holds it
///
/// All of it is made up when it is looked at, of links: nothing is read twice, nothing is kept of what nobody asks for.
public final class ViewsTree: FileTree {
  private let base: RepositoryTree
  private let contents: ViewContents
  private let options: TreeOptions
  private let nodes: Mutex<ViewNodes>

  static let name: [UInt8] = Array(".borg".utf8)

  public init(over base: RepositoryTree) {
    self.base = base
    contents = ViewContents(base.store)
    options = base.options
    nodes = Mutex(ViewNodes(base.store.hash))
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    if let view = nodes.withLock({ $0.view(of: parent) }) { return try lookup(name, in: view) }
    do throws(TreeError) { return try base.lookup(name, in: parent) } catch {
      guard parent == InodeNumber.root, name.elementsEqual(ViewsTree.name) else { throw error }
      return attributes(.top)
    }
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    guard let view = nodes.withLock({ $0.view(of: inode) }) else { return try base.attributes(of: inode) }
    base.lookForChanges()
    return attributes(view)
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    guard let view = nodes.withLock({ $0.view(of: directory) }) else {
      try base.forEachEntry(of: directory, after: position, body)
      return
    }
    if case .link = view { throw .notADirectory }
    if position == 0 { base.lookForChanges() }
    // What is listed may be newer than the time that it is known by, never older.
    let time = base.changeTime
    guard emitDots(after: position, own: attributes(view, time: time), parent: try attributesOfParent(view), body)
    else {
      return
    }
    let entries = try contents.entries(of: view)
    let first = Int(clamping: max(position, 2)) - 2
    for index in min(first, entries.count)..<entries.count {
      let attributes = attributes(entries[index].view, time: time)
      let goesOn = entries[index].name.withUnsafeBytes {
        body(TreeEntry(name: $0, position: UInt64(index) + 3, attributes: attributes))
      }
      guard goesOn else { return }
    }
  }

  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] {
    guard let view = nodes.withLock({ $0.view(of: inode) }) else { return try base.linkTarget(of: inode) }
    guard case .link(let target, _) = view else { throw .notASymbolicLink }
    return target
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent {
    if nodes.withLock({ $0.view(of: inode) }) != nil { throw .isADirectory }
    return try base.open(inode)
  }

  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] {
    nodes.withLock { $0.view(of: inode) } == nil ? try base.xattrNames(of: inode) : []
  }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    if nodes.withLock({ $0.view(of: inode) }) != nil { throw .noSuchAttribute }
    return try base.xattr(name, of: inode)
  }

  public func file(after inode: UInt64) -> FollowingFile? {
    nodes.withLock { $0.view(of: inode) } == nil ? base.file(after: inode) : nil
  }

  public var opensEverything: Bool { base.opensEverything }
  public var statistics: TreeStatistics { base.statistics }
}

extension ViewsTree {
  private func lookup(_ name: UnsafeRawBufferPointer, in view: View) throws(TreeError) -> Attributes {
    if case .link = view { throw .notADirectory }
    base.lookForChanges()
    if name.isDot { return attributes(view) }
    if name.isDotDot { return try attributesOfParent(view) }
    guard let found = try contents.entry(name, in: view) else { throw .noSuchArchive }
    return attributes(found)
  }

  private func attributesOfParent(_ view: View) throws(TreeError) -> Attributes {
    guard let parent = view.parent else { return try base.attributes(of: InodeNumber.root) }
    return attributes(parent)
  }

  /// Directories have the time at which archives last came or went, so that the kernel lists them again then.
  private func attributes(_ view: View) -> Attributes { attributes(view, time: base.changeTime) }

  private func attributes(_ view: View, time: Int64) -> Attributes {
    let identity = nodes.withLock { $0.identity(of: view) }
    let ownTime = if case .link(_, let time) = view { time } else { time }
    var attributes = options.syntheticDirectory(inode: identity.inode, time: ownTime)
    attributes.generation = identity.generation
    // Names come to mean other archives, links as well.
    attributes.mayVanish = true
    if case .link(let target, _) = view {
      attributes.mode = FileType.symbolicLink | 0o777 & ~options.umask
      attributes.size = Int64(target.count)
    }
    return attributes
  }
}
