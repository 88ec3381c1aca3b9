import BorgFormat

/// Grows a tree from an archive's items as they come (fuse.md section 3): parents that no item describes are synthetic,
/// a later item takes the place of an earlier one, later names of a hard link share the first one's object. An item
/// that cannot be shown is left out and costs nothing else.
struct TreeBuilder {
  private(set) var table: NodeTable
  private let source: any TreeSource
  private let options: TreeOptions
  private let syntheticOwner: UInt32
  var archive = 0
  private var masters = HardLinkMasters()
  // The directory of the item before: most items have the same.
  private var lastDirectoryPath: [UInt8] = []
  private var lastDirectory = NodeTable.root
  // What directories that no item describes may take: short paths can name very many of them, far more than there are
  // items.
  private var impliedCount = 0
  private var pathCount = 0
  private var pathLength = 0
  private var hasToldOfImplied = false
  private static let bytesOfNode = 72
  private static let bytesAtFirst = 32 << 20
  private static let bytesPerPathByte = 8

  /// `rootTime` is the root's time as long as no item describes it.
  init(source: any TreeSource, options: TreeOptions, rootTime: Int64) throws(TreeError) {
    self.source = source
    self.options = options
    var owners = OwnerTable()
    syntheticOwner = try owners.number(
      uid: options.forcedUID ?? options.uid, gid: options.forcedGID ?? options.gid)
    table = NodeTable(rootOwner: syntheticOwner, owners: owners, time: rootTime)
  }

  /// The tree of one archive.
  static func build(
    _ archive: TreeArchive, from store: BlockStore, options: TreeOptions, rootTime: Int64
  ) throws(TreeError) -> NodeTable {
    var builder = try TreeBuilder(source: store.source, options: options, rootTime: rootTime)
    try store.forEachItem(in: archive) { (item) throws(TreeError) in try builder.add(item) }
    return builder.table
  }

  mutating func add(_ item: borrowing ItemSummary) throws(TreeError) {
    guard isShown(item) else { return }
    let path = TreePath(item.path, strippedComponents: options.strippedComponents)
    let isSelected = source.isSelected(item.path)
    guard isSelected, case .entry(let directoryPath, let name) = path else {
      if isSelected, case .root = path, item.isDirectory {
        try describe(NodeTable.root, as: item)
      } else {
        try rememberUnshown(item)
      }
      return
    }
    guard let directory = try directory(at: directoryPath) else { return }
    if item.isHardlinkReference {
      guard let master = master(of: item) else { return }
      try link(name, in: directory, to: master.object)
    } else {
      try put(item, as: name, in: directory)
    }
  }

  /// Forgets the hard links of one archive before another is added.
  mutating func beginArchive(_ ordinal: Int) {
    archive = ordinal
    masters = HardLinkMasters()
  }

  /// Whether an item is of a kind that is ever shown, selected or not.
  func isShown(_ item: borrowing ItemSummary) -> Bool {
    if item.isPart, !options.showsPartFiles { return false }
    return item.isOfShownType
  }
}

// What both views are made with.
extension TreeBuilder {
  /// The directory at a path below the root, made where it is missing; nil when there is no way there.
  mutating func directory(at path: UnsafeRawBufferPointer) throws(TreeError) -> UInt32? {
    if path.isEmpty { return NodeTable.root }
    if lastDirectoryPath.withUnsafeBytes({ equal($0, path) }) { return lastDirectory }
    guard TreePath.areNames(path) else { return nil }
    pathCount += 1
    pathLength += path.count
    var (start, directory) = longestKnownStart(of: path)
    while start < path.count {
      var end = start
      while end < path.count, path[end] != TreePath.separator { end += 1 }
      let name = UnsafeRawBufferPointer(rebasing: path[start..<end])
      guard isProportionate || table.findName(name, in: directory) != nil else {
        tellOfImplied(path)
        return nil
      }
      let found = try table.insert(name, in: directory, owner: syntheticOwner, time: options.mountTime)
      if found.isNew { impliedCount += 1 }
      directory = table.object(found.name)
      guard table.nodes[Int(directory)].isDirectory else { return nil }
      start = end + 1
    }
    lastDirectoryPath.removeAll(keepingCapacity: true)
    lastDirectoryPath.append(contentsOf: path)
    lastDirectory = directory
    return directory
  }

  private var isProportionate: Bool {
    (impliedCount - pathCount) * TreeBuilder.bytesOfNode
      <= TreeBuilder.bytesAtFirst + pathLength * TreeBuilder.bytesPerPathByte
  }

  private mutating func tellOfImplied(_ path: UnsafeRawBufferPointer) {
    guard !hasToldOfImplied else { return }
    hasToldOfImplied = true
    source.warn("Items are left out that lie below too many folders: \(displayText(Array(path.prefix(200))))…")
  }

  /// Where to start walking to `path`: at the last directory when it lies above, else at the root.
  private func longestKnownStart(of path: UnsafeRawBufferPointer) -> (Int, UInt32) {
    let length = lastDirectoryPath.count
    guard length > 0, path.count > length, path[length] == TreePath.separator,
      lastDirectoryPath.withUnsafeBytes({ equal($0, UnsafeRawBufferPointer(rebasing: path[..<length])) })
    else { return (0, NodeTable.root) }
    return (length + 1, lastDirectory)
  }

  /// Puts an item's object under a name, in the place of what was there; returns the object.
  @discardableResult
  mutating func put(
    _ item: borrowing ItemSummary, as name: UnsafeRawBufferPointer, in directory: UInt32
  ) throws(TreeError) -> UInt32 {
    let entry = try table.insert(name, in: directory, owner: syntheticOwner, time: options.mountTime)
    var object = table.object(entry.name)
    if !entry.isNew, !canReplace(object, of: entry.name, with: item) {
      release(object)
      object = try table.insertNameless(for: entry.name, in: directory, owner: syntheticOwner)
      table.alias(entry.name, to: object)
    }
    try describe(object, as: item)
    try rememberMaster(item, object)
    return object
  }

  /// Makes a name one more of an object; the object must be no directory.
  mutating func link(
    _ name: UnsafeRawBufferPointer, in directory: UInt32, to object: UInt32
  ) throws(TreeError) {
    let entry = try table.insert(name, in: directory, owner: syntheticOwner, time: options.mountTime)
    let old = table.object(entry.name)
    if old == object { return }
    if !entry.isNew { release(old) }
    table.alias(entry.name, to: object)
    table.addNames(object, 1)
  }

  /// The object that a later name of a hard link means; nil, with a warning, when no item shows it.
  func master(of item: borrowing ItemSummary) -> HardLinkMaster? {
    let found: HardLinkMaster? = ArchivePath.linked(Array(item.source)).withUnsafeBytes { first in
      if let master = masters[first] { return master }
      return visibleObject(at: first).map { HardLinkMaster(object: $0, hasChunks: false, contentHash: 0) }
    }
    if let found { return found }
    let (path, master) = (displayText(Array(item.path)), displayText(Array(item.source)))
    source.warn("Skipping broken hard link: \(path) -> \(master)")
    return nil
  }

  mutating func describe(_ object: UInt32, as item: borrowing ItemSummary) throws(TreeError) {
    let owner = try table.owners.number(of: item, source: source, options: options)
    table.describe(object, as: item, holeBytes: source.holeBytes(of: item), owner: owner, archive: archive)
  }

  /// Keeps the object of an unselected first name: a selected later name may show it.
  mutating func rememberUnshown(_ item: borrowing ItemSummary) throws(TreeError) {
    guard item.isPossibleMaster else { return }
    let object = try table.insertNameless(in: NodeTable.root, owner: syntheticOwner)
    try describe(object, as: item)
    table.setNameCount(object, 0)
    try rememberMaster(item, object)
  }

  private mutating func rememberMaster(_ item: borrowing ItemSummary, _ object: UInt32) throws(TreeError) {
    guard item.isPossibleMaster else { return }
    try masters.set(
      item.path, HardLinkMaster(object: object, hasChunks: item.hasChunks, contentHash: item.identity))
  }

  /// The object at a stored path, unless it is a directory.
  private func visibleObject(at path: UnsafeRawBufferPointer) -> UInt32? {
    guard let rest = TreePath.strip(path, options.strippedComponents) else { return nil }
    var object: UInt32? = NodeTable.root
    TreePath.forEachElement(rest) { element in
      object = object.flatMap { table.findName(element, in: $0) }.map { table.object($0) }
      return object != nil
    }
    return object.flatMap { table.nodes[Int($0)].isDirectory ? nil : $0 }
  }

  /// Whether a name's object can become the item's: nobody else has it, and nobody may still ask for it.
  private func canReplace(_ object: UInt32, of name: UInt32, with item: borrowing ItemSummary) -> Bool {
    let node = table.nodes[Int(object)]
    guard table.isMade(object, for: name) else { return false }
    // Later hard links may still ask for an object that is no directory: it must not become one.
    guard node.isDirectory == item.isDirectory else { return false }
    return node.isDirectory || node.lastChild <= 1
  }

  /// A name stops standing for an object.
  private mutating func release(_ object: UInt32) {
    if table.nodes[Int(object)].isDirectory { lastDirectoryPath.removeAll() } else { table.addNames(object, -1) }
  }
}

/// The object a hard link's names share, and what tells its versions apart.
struct HardLinkMaster: Sendable {
  var object: UInt32
  var hasChunks: Bool
  var contentHash: UInt64
}

/// First names of hard links by their stored path.
private struct HardLinkMasters: Sendable {
  private var paths = ByteTable()
  private var masters: [HardLinkMaster] = []

  subscript(path: UnsafeRawBufferPointer) -> HardLinkMaster? { paths.index(of: path).map { masters[$0] } }

  mutating func set(_ path: UnsafeRawBufferPointer, _ master: HardLinkMaster) throws(TreeError) {
    guard let entry = paths.insert(path) else { throw .ioFailed("too many hard links in one archive") }
    if entry.isNew { masters.append(master) } else { masters[entry.index] = master }
  }
}

extension ItemSummary {
  var isDirectory: Bool { mode & FileType.mask == FileType.directory }

  private var isHardlinkable: Bool {
    switch mode & FileType.mask {
    case FileType.regular, FileType.fifo, FileType.blockDevice, FileType.characterDevice: true
    default: false
    }
  }

  /// Whether later names may refer to this item.
  var isPossibleMaster: Bool { isHardlinkable && source.baseAddress == nil && hardlinkMaster ?? true }
  /// Whether this is a later name of another item.
  var isHardlinkReference: Bool { isHardlinkable && source.baseAddress != nil }
}
