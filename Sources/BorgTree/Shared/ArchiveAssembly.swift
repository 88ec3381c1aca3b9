import BorgFormat

/// One archive put together from blocks: which blocks, in which order, and its directories. The files stay in the blocks.
struct ArchiveAssembly: Sendable {
  var parts: [Part] = []
  var directories: [Directory] = []
  var pieces: [Piece] = []
  /// Items that are directories, ascending, and which directory each is.
  var directoryItems: [(item: UInt32, directory: UInt32)] = []
  /// Later names of hard links, ascending, and the item each stands for.
  var links: [(item: UInt32, object: UInt32)] = []
  /// How many names an item with more than one has.
  var linkCounts: [UInt32: UInt32] = [:]
  var slots = SlotTable()
  /// The directories' paths.
  var arena: [UInt8] = []
  var itemCount: UInt32 = 0
  var hasDamagedFiles = false
  var attributeKinds: AttributeKinds = []

  static let none = UInt32.max

  /// A block's place in the archive.
  struct Part: Sendable {
    /// The block: that of the stream's chunk `chunk`, by its number in the store, or one of items that lie across chunks.
    enum Content: Sendable {
      case block(UInt32)
      case seam(LoadedBlock)
    }

    var content: Content
    var firstItem: UInt32
    /// The stream chunk whose bytes the block's are; of a seam the one it ends in.
    var chunk: UInt32
    /// Of a seam: where its bytes come from.
    var sources: [Source]

    init(_ content: Content, firstItem: UInt32, chunk: UInt32, sources: [Source] = []) {
      self.content = content
      self.firstItem = firstItem
      self.chunk = chunk
      self.sources = sources
    }

    /// Where in the stream an item of the block lies.
    func location(of item: BlockItem) -> ItemLocation {
      let location = ItemLocation(firstChunk: chunk, offset: item.offset, length: item.length)
      guard let source = sources.last(where: { $0.start <= item.offset }) else { return location }
      return ItemLocation(
        firstChunk: source.chunk, offset: source.offset &+ item.offset &- source.start, length: item.length)
    }
  }

  /// From `start` on a block's bytes are those of a chunk from `offset` on.
  struct Source: BitwiseCopyable {
    var start: UInt32
    var chunk: UInt32
    var offset: UInt32
  }

  struct Directory: BitwiseCopyable {
    var pathHash: UInt64
    var pathStart: UInt32
    var pathLength: UInt32
    var parent: UInt32
    /// The item that describes it.
    var item = ArchiveAssembly.none
    var firstPiece = ArchiveAssembly.none
    var lastPiece = ArchiveAssembly.none
    var pieceCount: UInt32 = 0
    /// Not 0: its parent has a piece for it.
    var marker: UInt32 = 0
  }

  /// What one block has of a directory; or a directory in it that no item describes.
  struct Piece: BitwiseCopyable {
    /// `none` for a directory.
    var part: UInt32
    var directory: UInt32
    var next = ArchiveAssembly.none
  }

  var byteCount: Int {
    parts.capacity * MemoryLayout<Part>.stride + directories.capacity * MemoryLayout<Directory>.stride
      + pieces.capacity * MemoryLayout<Piece>.stride + directoryItems.capacity * 8 + links.capacity * 8
      + linkCounts.capacity * 12 + slots.byteCount + arena.capacity
  }

  func path(_ directory: UInt32) -> ArraySlice<UInt8> {
    let start = Int(directories[Int(directory)].pathStart)
    return arena[start..<start + Int(directories[Int(directory)].pathLength)]
  }

  /// The directory with this path.
  func directory(_ path: UnsafeRawBufferPointer, hash: UInt64) -> UInt32? {
    arena.withUnsafeBytes { arena in
      slots.first(hash: ArchiveAssembly.slotHash(hash)) { number in
        let directory = directories[Int(number)]
        guard directory.pathHash == hash else { return false }
        let start = Int(directory.pathStart)
        return equal(UnsafeRawBufferPointer(rebasing: arena[start..<start + Int(directory.pathLength)]), path)
      }
    }
  }

  static func slotHash(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash ^ hash >> 32) }
}

/// Puts an archive together, block after block in stream order. `isRegular` turns false when the archive is one that
/// must be read whole.
struct ArchiveAssembler {
  private(set) var assembly = ArchiveAssembly()
  private let store: BlockStore
  private var chain: BlockChain
  /// Whether each name is there once only.
  private var isUnambiguous = true
  private var seen = WideSet()
  private var pendingLinks: [(item: UInt32, source: [UInt8])] = []
  private var path: [UInt8] = []
  /// Of the blocks so far, in bytes.
  private var streamLength = 0

  // What directories may take: short paths can name very many of them, and each has its whole path here.
  private static let bytesOfDirectory = 64
  private static let bytesAtFirst = 64 << 10
  private static let bytesPerStreamByte = 4

  init(_ store: BlockStore) {
    self.store = store
    chain = BlockChain(store)
    let empty = UnsafeRawBufferPointer(start: nil, count: 0)
    assembly.directories.append(
      ArchiveAssembly.Directory(pathHash: store.hash.wide(empty), pathStart: 0, pathLength: 0, parent: 0))
    insertSlot(0)
  }

  var isRegular: Bool { chain.isRegular && isUnambiguous && isProportionate }

  /// Whether directories take no more than is in proportion to the stream. What items describe never does.
  private var isProportionate: Bool {
    assembly.arena.count + assembly.directories.count * ArchiveAssembler.bytesOfDirectory
      <= ArchiveAssembler.bytesAtFirst + streamLength * ArchiveAssembler.bytesPerStreamByte
  }

  mutating func add(_ loaded: LoadedBlock, _ number: UInt32) {
    guard isRegular else { return }
    for part in chain.add(BlockEnds(loaded.block), number) where isUnambiguous && isProportionate {
      place(part, loaded)
    }
  }

  /// The whole archive; nil when it must be read whole.
  mutating func finished(rootTime: Int64, options: TreeOptions) throws(TreeError) -> SharedArchive? {
    if isRegular { for part in chain.finish() { place(part, nil) } }
    guard isRegular else { return nil }
    seen = WideSet()
    let unlinked = SharedArchive(assembly, store, rootTime: rootTime, options: options)
    for link in pendingLinks {
      guard let object = try unlinked.master(link.source), object < link.item else { return nil }
      assembly.links.append((link.item, object))
      assembly.linkCounts[object, default: 1] += 1
    }
    return SharedArchive(assembly, store, rootTime: rootTime, options: options)
  }

  /// `loaded`: the block, unless the part is a seam.
  private mutating func place(_ part: ArchiveAssembly.Part, _ loaded: LoadedBlock?) {
    if case .seam(let seam) = part.content { place(seam.block, part) } else if let loaded { place(loaded.block, part) }
  }

  private mutating func place(_ block: MetadataBlock, _ part: ArchiveAssembly.Part) {
    let number = UInt32(assembly.parts.count)
    streamLength += Int(block.header.chunkLength)
    assembly.parts.append(part)
    assembly.itemCount += UInt32(block.itemCount)
    if block.header.hasDamagedFiles != 0 { assembly.hasDamagedFiles = true }
    assembly.attributeKinds.formUnion(block.header.attributeKinds)
    for index in 0..<Int(block.header.directoryItemCount) { placeDirectory(block, index, part.firstItem) }
    let directories = (0..<Int(block.header.directoryCount)).map { placePiece(block, $0, in: number) }
    for index in 0..<block.itemCount where isRegular {
      let item = block.item(index)
      guard item.directory != BlockItem.none else { continue }
      if item.isDirectory, hasMarker(part.firstItem + UInt32(index)) { continue }
      note(item.nameHash, in: directories[Int(item.directory)])
    }
    for index in 0..<Int(block.header.linkCount) {
      let link = block.link(index)
      pendingLinks.append((part.firstItem + link.item, Array(block.bytes(link.sourceStart, link.sourceLength))))
    }
  }

  private mutating func placeDirectory(_ block: MetadataBlock, _ index: Int, _ firstItem: UInt32) {
    let record = block.directoryItem(index)
    let item = block.item(Int(record.item))
    path.removeAll(keepingCapacity: true)
    if item.directory != BlockItem.none {
      let parent = block.directory(Int(item.directory))
      path.append(contentsOf: block.bytes(parent.pathStart, parent.pathLength))
      if !path.isEmpty { path.append(TreePath.separator) }
      path.append(contentsOf: block.name(item))
    }
    let path = path
    let directory = path.withUnsafeBytes { self.directory($0, hash: record.pathHash, isItem: true) }
    guard assembly.directories[Int(directory)].item == ArchiveAssembly.none else { return isUnambiguous = false }
    assembly.directories[Int(directory)].item = firstItem + record.item
    assembly.directoryItems.append((firstItem + record.item, directory))
  }

  private mutating func placePiece(_ block: MetadataBlock, _ index: Int, in part: UInt32) -> UInt32 {
    let record = block.directory(index)
    let directory = directory(block.bytes(record.pathStart, record.pathLength), hash: record.pathHash, isItem: false)
    append(ArchiveAssembly.Piece(part: part, directory: UInt32(index)), to: directory)
    return directory
  }

  /// The directory with this path, made when there is none. Unless an item describes it, its parent gets a marker.
  private mutating func directory(_ path: UnsafeRawBufferPointer, hash: UInt64, isItem: Bool) -> UInt32 {
    if let known = assembly.directory(path, hash: hash) { return known }
    // Nothing will come of it.
    guard isProportionate else { return 0 }
    let slash = path.lastIndex(of: TreePath.separator)
    let parentPath = UnsafeRawBufferPointer(rebasing: path[..<(slash ?? 0)])
    let parent = directory(parentPath, hash: store.hash.wide(parentPath), isItem: false)
    let number = UInt32(assembly.directories.count)
    assembly.directories.append(
      ArchiveAssembly.Directory(
        pathHash: hash, pathStart: UInt32(truncatingIfNeeded: assembly.arena.count), pathLength: UInt32(path.count),
        parent: parent))
    assembly.arena.append(contentsOf: path)
    if assembly.arena.count > Int(UInt32.max) { isUnambiguous = false }
    insertSlot(number)
    if !isItem {
      let name = UnsafeRawBufferPointer(rebasing: path[(slash.map { $0 + 1 } ?? 0)...])
      assembly.directories[Int(number)].marker = 1
      note(store.hash.wide(name), in: parent)
      append(ArchiveAssembly.Piece(part: ArchiveAssembly.none, directory: number), to: parent)
    }
    return number
  }

  private mutating func append(_ piece: ArchiveAssembly.Piece, to directory: UInt32) {
    let number = UInt32(assembly.pieces.count)
    assembly.pieces.append(piece)
    let last = assembly.directories[Int(directory)].lastPiece
    if last == ArchiveAssembly.none {
      assembly.directories[Int(directory)].firstPiece = number
    } else {
      assembly.pieces[Int(last)].next = number
    }
    assembly.directories[Int(directory)].lastPiece = number
    assembly.directories[Int(directory)].pieceCount += 1
  }

  /// Notes a name in a directory; the same name twice makes the archive irregular.
  private mutating func note(_ name: UInt64, in directory: UInt32) {
    let key = (name ^ UInt64(directory) &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    if !seen.insert(key ^ key >> 29) { isUnambiguous = false }
  }

  private func hasMarker(_ item: UInt32) -> Bool {
    guard let directory = assembly.directory(ofItem: item) else { return false }
    return assembly.directories[Int(directory)].marker != 0
  }

  private mutating func insertSlot(_ number: UInt32) {
    let directories = assembly.directories
    assembly.slots.insert(number, hash: ArchiveAssembly.slotHash(directories[Int(number)].pathHash)) {
      ArchiveAssembly.slotHash(directories[Int($0)].pathHash)
    }
  }
}

extension ArchiveAssembly {
  /// The directory that an item is.
  func directory(ofItem item: UInt32) -> UInt32? {
    firstPlace(of: directoryItems.count) { directoryItems[$0].item < item }.flatMap {
      directoryItems[$0].item == item ? directoryItems[$0].directory : nil
    }
  }

  /// The item that a later name of a hard link stands for.
  func object(ofLink item: UInt32) -> UInt32? {
    firstPlace(of: links.count) { links[$0].item < item }.flatMap {
      links[$0].item == item ? links[$0].object : nil
    }
  }

  /// The part that holds an item.
  func part(ofItem item: UInt32) -> Int {
    (firstPlace(of: parts.count) { parts[$0].firstItem <= item } ?? parts.count) - 1
  }

  func itemCount(ofPart part: Int) -> Int {
    Int((part + 1 < parts.count ? parts[part + 1].firstItem : itemCount) - parts[part].firstItem)
  }
}

/// The first of `count` places where `isBefore` is false; nil: there is none. It must not turn true again.
func firstPlace(of count: Int, _ isBefore: (Int) -> Bool) -> Int? {
  var (low, high) = (0, count)
  while low < high {
    let middle = (low + high) / 2
    if isBefore(middle) { low = middle + 1 } else { high = middle }
  }
  return low < count ? low : nil
}

/// A set of well-mixed 64-bit numbers.
struct WideSet: Sendable {
  private var slots: [UInt64] = Array(repeating: 0, count: 256)
  private var count = 0

  /// False: it was there already.
  mutating func insert(_ number: UInt64) -> Bool {
    if count * 4 >= slots.count * 3 { grow() }
    let number = number == 0 ? 1 : number
    let mask = slots.count &- 1
    var slot = Int(truncatingIfNeeded: number) & mask
    while slots[slot] != 0 {
      if slots[slot] == number { return false }
      slot = (slot &+ 1) & mask
    }
    slots[slot] = number
    count += 1
    return true
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: 0, count: old.count * 2)
    let mask = slots.count &- 1
    for number in old where number != 0 {
      var slot = Int(truncatingIfNeeded: number) & mask
      while slots[slot] != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = number
    }
  }
}
