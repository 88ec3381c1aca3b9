import BorgFormat

/// The tree of one archive, or of all of them merged: a node table answers for names and attributes, the source for
/// contents.
public final class ArchiveTree: FileTree {
  private let nodes: any Nodes
  private let archives: [TreeArchive]
  private let source: any TreeSource
  private let options: TreeOptions
  private let base: UInt64
  private let parentOfRoot: UInt64
  private let generation: UInt32

  private static let root: UInt32 = 0
  /// How many items are looked at for the next file.
  private static let itemsToNextFile: UInt32 = 8

  /// Reads one archive, to be mounted alone.
  public convenience init(
    of archive: TreeArchive, from source: any TreeSource, options: TreeOptions
  ) throws(TreeError) {
    let store = BlockStore(source, options: options)
    self.init(
      nodes: try ArchiveTree.read(archive, store, rootTime: options.mountTime, options: options), archives: [archive],
      source: source, options: options, base: 0, parentOfRoot: InodeNumber.root)
  }

  /// Reads and merges all archives of the source: the versions view.
  public convenience init(mergedFrom source: any TreeSource, options: TreeOptions) throws(TreeError) {
    self.init(
      nodes: try VersionedTreeBuilder.build(from: BlockStore(source, options: options), options: options),
      archives: try source.archives(),
      source: source, options: options, base: 0, parentOfRoot: InodeNumber.root)
  }

  /// Reads one archive as a directory of its repository.
  convenience init(
    of archive: TreeArchive, from store: BlockStore, options: TreeOptions, base: UInt64, parentOfRoot: UInt64
  ) throws(TreeError) {
    self.init(
      nodes: try ArchiveTree.read(archive, store, rootTime: archive.start, options: options), archives: [archive],
      source: store.source, options: options, base: base, parentOfRoot: parentOfRoot)
  }

  private init(
    nodes: any Nodes, archives: [TreeArchive], source: any TreeSource, options: TreeOptions, base: UInt64,
    parentOfRoot: UInt64
  ) {
    self.nodes = nodes
    self.archives = archives
    self.source = source
    self.options = options
    self.base = base
    self.parentOfRoot = parentOfRoot
    generation = InodeNumber.generation(archives)
  }

  /// In blocks that are shared with other archives where that is possible, else in a table of its own.
  private static func read(
    _ archive: TreeArchive, _ store: BlockStore, rootTime: Int64, options: TreeOptions
  ) throws(TreeError) -> any Nodes {
    defer { store.source.noteArchiveRead() }
    if let shared = try SharedArchive.read(archive, store, rootTime: rootTime, options: options) { return shared }
    return try TreeBuilder.build(archive, from: store, options: options, rootTime: rootTime)
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    let node = try node(parent)
    let description = try nodes.description(of: node)
    if name.isDot { return attributes(node, description) }
    guard description.isDirectory || name.isDotDot else { throw .notADirectory }
    if name.isDotDot { return try attributesOfParent(node, description) }
    guard let object = try nodes.find(name, in: node) else { throw .noSuchEntry }
    return attributes(object, try nodes.description(of: object))
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    let node = try node(inode)
    return attributes(node, try nodes.description(of: node))
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    let node = try node(directory)
    let description = try nodes.description(of: node)
    guard description.isDirectory else { throw .notADirectory }
    if position < 2 {
      let parent = try attributesOfParent(node, description)
      let own = attributes(node, description)
      guard emitDots(after: position, own: own, parent: parent, body) else { return }
    }
    var last: UInt32?
    if position >= ArchiveTree.firstPosition {
      guard let number = UInt32(exactly: position - ArchiveTree.firstPosition) else { throw .noSuchEntry }
      last = number
    }
    try nodes.forEachName(in: node, after: last) { name in
      body(
        TreeEntry(
          name: name.name, position: UInt64(name.position) + ArchiveTree.firstPosition,
          attributes: attributes(name.object, name.description)))
    }
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent {
    let node = try nodes.description(of: try node(inode))
    guard !node.isDirectory else { throw .isADirectory }
    if node.isDamaged, !options.opensDamagedFiles {
      source.warn(
        "File has damaged (all-zero) chunks. Try running borg check --repair. "
          + "Mount with allow_damaged_files to read damaged files.")
      throw .contentDamaged
    }
    guard let location = node.location else { throw .noSuchEntry }
    return try source.content(of: try item(node), in: archives[node.archive], at: location)
  }

  public func file(after inode: UInt64) -> FollowingFile? {
    guard let start = try? node(inode) else { return nil }
    for distance in 1...ArchiveTree.itemsToNextFile {
      let (node, isTooFar) = start.addingReportingOverflow(distance)
      guard !isTooFar, let description = try? nodes.ownDescription(of: node) else { continue }
      let isRegular = description.mode & FileType.mask == FileType.regular
      guard isRegular, description.size > 0, !description.isDamaged else { continue }
      return FollowingFile(inode: self.inode(node), size: description.size)
    }
    return nil
  }

  /// At least those of all objects together.
  var attributeKinds: AttributeKinds { nodes.attributeKinds }

  public var opensEverything: Bool { options.opensDamagedFiles || !nodes.hasDamagedFiles }

  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] {
    let node = try nodes.description(of: try node(inode))
    guard node.mode & FileType.mask == FileType.symbolicLink else { throw .notASymbolicLink }
    return try item(node).source ?? []
  }

  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] {
    let node = try nodes.description(of: try node(inode))
    return node.hasXattrs ? try item(node).xattrs.map(\.name) : []
  }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    let node = try nodes.description(of: try node(inode))
    if let attribute = OriginAttribute(name) { return try origin(attribute, of: node) }
    let kind = AttributeKinds(name: name)
    if kind != .other, !nodes.attributeKinds.contains(kind) { throw .noAttributesOfKind }
    guard node.hasXattrs else { throw .noSuchAttribute }
    let item = try item(node)
    for attribute in item.xattrs where attribute.name.elementsEqual(name) { return attribute.value }
    let byDefault = name.elementsEqual(ExtendedAttribute.defaultList)
    guard kind == .accessControlList, let text = byDefault ? item.aclDefault : item.aclAccess,
      let list = source.accessControlList(text, byDefault: byDefault)
    else { throw .noSuchAttribute }
    return list
  }

  public var statistics: TreeStatistics {
    TreeStatistics(loadedArchives: archives.count, pendingArchives: 0, nodes: nodes.count, bytes: nodes.byteCount)
  }
}

extension ArchiveTree {
  /// Positions in a directory: 1 is after `.`, 2 after `..`, then each name's number and this.
  private static let firstPosition: UInt64 = 3

  private func node(_ inode: UInt64) throws(TreeError) -> UInt32 {
    let low = UInt32(truncatingIfNeeded: inode)
    guard inode & ~UInt64(UInt32.max) == base, low > 0 else { throw .noSuchEntry }
    return low - 1
  }

  private func inode(_ node: UInt32) -> UInt64 { base | (UInt64(node) + 1) }

  private func attributes(_ number: UInt32, _ node: NodeDescription) -> Attributes {
    var result = Attributes(
      inode: inode(number), mode: node.mode & ~options.umask, uid: node.uid, gid: node.gid, time: node.mtime)
    result.generation = generation(number, node)
    result.ctime = node.ctime
    result.atime = node.atime
    if node.isDirectory { return result }
    result.linkCount = node.linkCount
    if node.isDevice { result.rdev = UInt64(bitPattern: node.size) } else { result.size = node.size }
    result.holeBytes = node.holeBytes
    return result
  }

  /// The root's is known before the archive is read.
  private func generation(_ number: UInt32, _ node: NodeDescription) -> UInt32 {
    guard number != ArchiveTree.root, let location = node.location else { return generation }
    return generation ^ location.firstChunk &* 0x9E37_79B1 ^ location.offset
  }

  private func attributesOfParent(_ node: UInt32, _ description: NodeDescription) throws(TreeError) -> Attributes {
    guard description.isDirectory else { throw .notADirectory }
    if node != ArchiveTree.root {
      let parent = try nodes.parent(of: node)
      return attributes(parent, try nodes.description(of: parent))
    }
    if parentOfRoot == inode(node) { return attributes(node, description) }
    var root = options.syntheticDirectory(inode: parentOfRoot, time: options.mountTime)
    root.mayVanish = true
    return root
  }

  private func item(_ node: NodeDescription) throws(TreeError) -> Item {
    guard archives.indices.contains(node.archive), let location = node.location else { throw .noSuchEntry }
    return try source.item(in: archives[node.archive], at: location)
  }

  private func origin(_ attribute: OriginAttribute, of node: NodeDescription) throws(TreeError) -> [UInt8] {
    guard archives.indices.contains(node.archive) else { throw .noSuchAttribute }
    if attribute == .archive { return archives[node.archive].name }
    guard node.location != nil else { throw .noSuchAttribute }
    let item = try item(node)
    if attribute == .path { return item.path }
    guard let chunks = item.chunks else { throw .noSuchAttribute }
    return Array("\(chunks.count)".utf8)
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
