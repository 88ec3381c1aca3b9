import BorgFormat

/// A tree's nodes in flat arrays. Node 0 is the root; names lie in one arena; one hash table finds a name in its
/// directory, and sibling links keep the order of appearance.
struct NodeTable: Sendable {
  private(set) var nodes: [Node] = []
  private var names: [UInt8] = []
  private var slots = SlotTable()
  private let hash = NameHash()
  var owners = OwnerTable()
  // Beside the nodes, and only when an archive stores them.
  private var ctimes = SparseTimes()
  private var atimes = SparseTimes()
  /// Of files with holes: how many of their bytes those are.
  private var holes: [UInt32: Int64] = [:]
  /// The archive each node comes from; empty when all come from one.
  private var archives: [UInt32] = []
  /// Whether any item ever had a list of healthy chunks.
  private(set) var hasDamagedFiles = false
  /// Of all items.
  private(set) var attributeKinds: AttributeKinds = []

  static let root: UInt32 = 0
  static let maximumNameLength = 255

  init(rootOwner: UInt32, owners: OwnerTable, time: Int64) {
    self.owners = owners
    nodes.append(
      Node(
        mtime: time, location: ItemLocation(firstChunk: 0, offset: 0, length: 0), nameStart: 0, parent: NodeTable.root,
        owner: rootOwner, nameHash: 0, nameLength: 0, mode: 0o040755, flags: .isSynthetic))
  }

  var count: Int { nodes.count }

  /// The memory held, spare capacity included.
  var byteCount: Int {
    nodes.capacity * MemoryLayout<Node>.stride + names.capacity + slots.byteCount + owners.byteCount
      + ctimes.byteCount + atimes.byteCount + holes.capacity * 12 + archives.capacity * 4
  }

  /// The object a name stands for.
  func object(_ name: UInt32) -> UInt32 {
    nodes[Int(name)].flags.contains(.aliases) ? nodes[Int(name)].firstChild : name
  }

  /// The name (not its object) called this in a directory.
  func findName(_ name: UnsafeRawBufferPointer, in directory: UInt32) -> UInt32? {
    find(name, in: directory, hash: hash(name, directory))
  }

  /// Calls `body` with the bytes of a node's name.
  func withName<R>(_ node: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let start = Int(nodes[Int(node)].nameStart)
    let end = start + Int(nodes[Int(node)].nameLength)
    return names.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<end])) }
  }

  func ctime(_ node: UInt32) -> Int64 { ctimes[node] ?? nodes[Int(node)].mtime }
  func atime(_ node: UInt32) -> Int64 { atimes[node] ?? nodes[Int(node)].mtime }
  func holeBytes(_ node: UInt32) -> Int64 { holes[node] ?? 0 }
  func archive(_ node: UInt32) -> Int { Int(node) < archives.count ? Int(archives[Int(node)]) : 0 }

  private func find(_ name: UnsafeRawBufferPointer, in directory: UInt32, hash: UInt32) -> UInt32? {
    names.withUnsafeBytes { names in
      nodes.withUnsafeBufferPointer { nodes in
        slots.first(hash: hash) { candidate in
          let node = nodes[Int(candidate)]
          guard node.nameHash == hash, node.parent == directory else { return false }
          let start = Int(node.nameStart)
          return equal(UnsafeRawBufferPointer(rebasing: names[start..<start + Int(node.nameLength)]), name)
        }
      }
    }
  }
}

/// What a builder does to the table.
extension NodeTable {
  /// The name in a directory and whether it had to be made: last in the directory, its object a synthetic directory.
  mutating func insert(
    _ name: UnsafeRawBufferPointer, in directory: UInt32, owner: UInt32, time: Int64
  ) throws(TreeError) -> (name: UInt32, isNew: Bool) {
    let hash = hash(name, directory)
    if let found = find(name, in: directory, hash: hash) { return (found, false) }
    guard let start = UInt32(exactly: names.count) else { throw .ioFailed("too many names in one archive") }
    let node = try append(
      Node(
        mtime: time, location: ItemLocation(firstChunk: 0, offset: 0, length: 0), nameStart: start, parent: directory,
        owner: owner, nameHash: hash, nameLength: UInt16(name.count), mode: 0o040755, flags: .isSynthetic))
    names.append(contentsOf: name)
    let last = nodes[Int(directory)].lastChild
    if last == Node.none { nodes[Int(directory)].firstChild = node } else { nodes[Int(last)].nextSibling = node }
    nodes[Int(directory)].lastChild = node
    let nodes = nodes
    slots.insert(node, hash: hash) { nodes[Int($0)].nameHash }
    return (node, true)
  }

  /// An object that hangs in no directory, made for a name to stand for, or for names that are still to come.
  mutating func insertNameless(
    for name: UInt32? = nil, in parent: UInt32, owner: UInt32
  ) throws(TreeError) -> UInt32 {
    let (start, length) = name.map { (nodes[Int($0)].nameStart, nodes[Int($0)].nameLength) } ?? (0, 0)
    return try append(
      Node(
        mtime: 0, location: ItemLocation(firstChunk: 0, offset: 0, length: 0), nameStart: start, parent: parent,
        owner: owner, nameHash: 0, nameLength: length, mode: 0o040755, flags: .isSynthetic))
  }

  /// Whether an object came to be under this name.
  func isMade(_ object: UInt32, for name: UInt32) -> Bool {
    nodes[Int(object)].nameLength > 0 && nodes[Int(object)].nameStart == nodes[Int(name)].nameStart
  }

  /// Describes an object by its item. A directory that stays one keeps what is in it.
  mutating func describe(
    _ object: UInt32, as item: borrowing ItemSummary, holeBytes: Int64, owner: UInt32, archive: Int
  ) {
    var node = nodes[Int(object)]
    let wasDirectory = node.isDirectory
    node.mode = UInt16(truncatingIfNeeded: item.mode)
    node.mtime = item.mtime
    node.owner = owner
    node.location = item.location
    node.size = item.shownSize
    let isAlias = node.flags.contains(.aliases)
    node.flags = isAlias ? .aliases : []
    if !item.attributeKinds.isEmpty { node.flags.insert(.hasXattrs) }
    attributeKinds.formUnion(item.attributeKinds)
    if item.hasHealthyChunks {
      node.flags.insert(.isDamaged)
      hasDamagedFiles = true
    }
    if node.isDirectory != wasDirectory {
      if !isAlias { node.firstChild = Node.none }
      node.lastChild = node.isDirectory ? Node.none : 1
    }
    nodes[Int(object)] = node
    ctimes.set(object, item.ctime == item.mtime ? nil : item.ctime)
    atimes.set(object, item.atime == item.mtime ? nil : item.atime)
    // Most tables have none: nothing is looked up there.
    if holeBytes > 0 || !holes.isEmpty { holes[object] = holeBytes > 0 ? holeBytes : nil }
    if archive > 0 || !archives.isEmpty { setArchive(object, archive) }
  }

  /// Lets a name stand for another node's object.
  mutating func alias(_ name: UInt32, to object: UInt32) {
    nodes[Int(name)].flags.insert(.aliases)
    nodes[Int(name)].firstChild = object
  }

  /// Counts names of an object that is no directory.
  mutating func addNames(_ object: UInt32, _ change: Int) {
    let count = Int(nodes[Int(object)].lastChild) + change
    nodes[Int(object)].lastChild = UInt32(clamping: max(0, count))
  }

  mutating func setNameCount(_ object: UInt32, _ count: UInt32) { nodes[Int(object)].lastChild = count }

  private mutating func append(_ node: Node) throws(TreeError) -> UInt32 {
    guard let index = UInt32(exactly: nodes.count), index < Node.none - 4 else {
      throw .ioFailed("too many items in one archive")
    }
    nodes.append(node)
    return index
  }

  private mutating func setArchive(_ node: UInt32, _ archive: Int) {
    while archives.count < nodes.count { archives.append(0) }
    archives[Int(node)] = UInt32(clamping: archive)
  }
}

/// A time for some nodes.
private struct SparseTimes: Sendable {
  private var times: [Int64] = []
  private static let absent = Int64.min

  var byteCount: Int { times.capacity * 8 }

  subscript(node: UInt32) -> Int64? {
    guard Int(node) < times.count, times[Int(node)] != SparseTimes.absent else { return nil }
    return times[Int(node)]
  }

  mutating func set(_ node: UInt32, _ time: Int64?) {
    if time == nil, Int(node) >= times.count { return }
    while times.count <= Int(node) { times.append(SparseTimes.absent) }
    times[Int(node)] = time ?? SparseTimes.absent
  }
}
