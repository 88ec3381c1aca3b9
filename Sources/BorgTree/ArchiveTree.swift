import BorgFormat

/// The tree of one archive, or of all of them merged: a node table answers for names and attributes, the source for
/// contents.
public final class ArchiveTree: FileTree {
  private let table: NodeTable
  private let archives: [TreeArchive]
  private let source: any TreeSource
  private let options: TreeOptions
  private let base: UInt64
  private let parentOfRoot: UInt64

  /// Reads one archive, to be mounted alone.
  public convenience init(
    of archive: TreeArchive, from source: any TreeSource, options: TreeOptions
  ) throws(TreeError) {
    let table = try TreeBuilder.build(archive, from: source, options: options, rootTime: options.mountTime)
    self.init(
      table: table, archives: [archive], source: source, options: options, base: 0, parentOfRoot: InodeNumber.root)
  }

  /// Reads and merges all archives of the source: the versions view.
  public convenience init(mergedFrom source: any TreeSource, options: TreeOptions) throws(TreeError) {
    self.init(
      table: try VersionedTreeBuilder.build(from: source, options: options), archives: try source.archives(),
      source: source, options: options, base: 0, parentOfRoot: InodeNumber.root)
  }

  /// Reads one archive as a directory of its repository.
  convenience init(
    of archive: TreeArchive, from source: any TreeSource, options: TreeOptions, base: UInt64, parentOfRoot: UInt64
  ) throws(TreeError) {
    let table = try TreeBuilder.build(archive, from: source, options: options, rootTime: archive.start)
    self.init(
      table: table, archives: [archive], source: source, options: options, base: base, parentOfRoot: parentOfRoot)
  }

  private init(
    table: NodeTable, archives: [TreeArchive], source: any TreeSource, options: TreeOptions, base: UInt64,
    parentOfRoot: UInt64
  ) {
    self.table = table
    self.archives = archives
    self.source = source
    self.options = options
    self.base = base
    self.parentOfRoot = parentOfRoot
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    let node = try node(parent)
    if name.isDot { return attributes(node) }
    guard table.nodes[Int(node)].isDirectory || name.isDotDot else { throw .notADirectory }
    if name.isDotDot { return try attributesOfParent(node) }
    guard let entry = table.find(name, in: node) else { throw .noSuchEntry }
    return attributes(table.object(entry))
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes { attributes(try node(inode)) }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    let node = try node(directory)
    guard table.nodes[Int(node)].isDirectory else { throw .notADirectory }
    if position < 2 {
      guard try forDots(node, after: position, body) else { return }
    }
    var next = try firstName(in: node, after: position)
    while next != Node.none {
      let goesOn = table.withName(next) { name in
        body(
          TreeEntry(
            name: name, position: UInt64(next) + ArchiveTree.firstPosition, attributes: attributes(table.object(next))))
      }
      guard goesOn else { return }
      next = table.nodes[Int(next)].nextSibling
    }
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent {
    let node = try node(inode)
    guard !table.nodes[Int(node)].isDirectory else { throw .isADirectory }
    if table.nodes[Int(node)].flags.contains(.isDamaged), !options.opensDamagedFiles {
      source.warn(
        "File has damaged (all-zero) chunks. Try running borg check --repair. "
          + "Mount with allow_damaged_files to read damaged files.")
      throw .contentDamaged
    }
    let item = try item(node)
    return try source.content(of: item, in: archives[table.archive(node)], at: table.nodes[Int(node)].location)
  }

  public var opensEverything: Bool { options.opensDamagedFiles || !table.hasDamagedFiles }

  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] {
    let node = try node(inode)
    guard UInt32(table.nodes[Int(node)].mode) & FileType.mask == FileType.symbolicLink else {
      throw .notASymbolicLink
    }
    return try item(node).source ?? []
  }

  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] {
    try storedAttributes(inode).map { $0.name }
  }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    let node = try node(inode)
    if let attribute = OriginAttribute(name) { return try origin(attribute, of: node) }
    guard table.nodes[Int(node)].flags.contains(.hasXattrs) else { throw .noSuchAttribute }
    let item = try item(node)
    for attribute in item.xattrs where attribute.name.elementsEqual(name) { return attribute.value }
    let byDefault = name.elementsEqual("system.posix_acl_default".utf8)
    guard byDefault || name.elementsEqual("system.posix_acl_access".utf8),
      let text = byDefault ? item.aclDefault : item.aclAccess,
      let list = source.accessControlList(text, byDefault: byDefault)
    else { throw .noSuchAttribute }
    return list
  }

  public var statistics: TreeStatistics {
    TreeStatistics(loadedArchives: archives.count, pendingArchives: 0, nodes: table.count, bytes: table.byteCount)
  }
}

extension ArchiveTree {
  /// Positions in a directory: 1 is after `.`, 2 after `..`, then each name's node and this.
  private static let firstPosition: UInt64 = 3

  private func node(_ inode: UInt64) throws(TreeError) -> UInt32 {
    let low = UInt32(truncatingIfNeeded: inode)
    guard inode & ~UInt64(UInt32.max) == base, low > 0, Int(low) <= table.count else { throw .noSuchEntry }
    return low - 1
  }

  private func inode(_ node: UInt32) -> UInt64 { base | (UInt64(node) + 1) }

  private func attributes(_ number: UInt32) -> Attributes {
    let node = table.nodes[Int(number)]
    let owner = table.owners.owners[Int(node.owner)]
    var result = Attributes(
      inode: inode(number), mode: UInt32(node.mode) & ~options.umask, uid: owner.uid, gid: owner.gid, time: node.mtime)
    if !node.flags.contains(.isSynthetic) {
      result.ctime = table.ctime(number)
      result.atime = table.atime(number)
    }
    if node.isDirectory { return result }
    result.linkCount = max(1, node.lastChild)
    if node.isDevice { result.rdev = UInt64(bitPattern: node.size) } else { result.size = node.size }
    return result
  }

  private func attributesOfParent(_ node: UInt32) throws(TreeError) -> Attributes {
    if node != NodeTable.root { return attributes(table.nodes[Int(node)].parent) }
    if parentOfRoot == inode(NodeTable.root) { return attributes(NodeTable.root) }
    var root = options.syntheticDirectory(inode: parentOfRoot, time: options.mountTime)
    root.mayVanish = true
    return root
  }

  /// Hands over what is left of `.` and `..`; false when `body` has had enough.
  private func forDots(
    _ node: UInt32, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) -> Bool {
    let parent = try attributesOfParent(node)
    let own = attributes(node)
    return emitDots(after: position, own: own, parent: parent, body)
  }

  private func firstName(in directory: UInt32, after position: UInt64) throws(TreeError) -> UInt32 {
    if position < ArchiveTree.firstPosition { return table.nodes[Int(directory)].firstChild }
    let name = position - ArchiveTree.firstPosition
    guard name < UInt64(table.count), table.nodes[Int(name)].parent == directory else { throw .noSuchEntry }
    return table.nodes[Int(name)].nextSibling
  }

  private func item(_ node: UInt32) throws(TreeError) -> Item {
    let archive = table.archive(node)
    guard archives.indices.contains(archive), !table.nodes[Int(node)].flags.contains(.isSynthetic) else {
      throw .noSuchEntry
    }
    return try source.item(in: archives[archive], at: table.nodes[Int(node)].location)
  }

  private func origin(_ attribute: OriginAttribute, of node: UInt32) throws(TreeError) -> [UInt8] {
    let archive = table.archive(node)
    guard archives.indices.contains(archive) else { throw .noSuchAttribute }
    if attribute == .archive { return archives[archive].name }
    guard !table.nodes[Int(node)].flags.contains(.isSynthetic) else { throw .noSuchAttribute }
    let item = try item(node)
    if attribute == .path { return item.path }
    guard let chunks = item.chunks else { throw .noSuchAttribute }
    return Array("\(chunks.count)".utf8)
  }

  private func storedAttributes(_ inode: UInt64) throws(TreeError) -> [ExtendedAttribute] {
    let node = try node(inode)
    return table.nodes[Int(node)].flags.contains(.hasXattrs) ? try item(node).xattrs : []
  }
}

/// Hands over `.` and `..` as far as they come after `position`; false when `body` has had enough.
func emitDots(
  after position: UInt64, own: Attributes, parent: Attributes, _ body: (borrowing TreeEntry) -> Bool
) -> Bool {
  let dots: [UInt8] = [0x2E, 0x2E]
  return dots.withUnsafeBytes { dots in
    if position < 1 {
      let dot = TreeEntry(name: UnsafeRawBufferPointer(rebasing: dots[..<1]), position: 1, attributes: own)
      guard body(dot) else { return false }
    }
    return position >= 2 || body(TreeEntry(name: dots, position: 2, attributes: parent))
  }
}
