import BorgFormat

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
