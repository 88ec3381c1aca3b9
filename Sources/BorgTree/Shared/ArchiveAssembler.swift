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
  private var ownerNumbers: [StoredOwner: UInt32] = [:]
  /// Of the block that is placed: its owners' numbers among all.
  private var blockOwners: [UInt16: UInt32] = [:]
  private var pendingLinks: [(item: UInt32, source: [UInt8])] = []
  private var path: [UInt8] = []
  /// Of the blocks so far, in bytes.
  private var streamLength = 0

  // What directories may take: short paths can name very many of them, and each has its whole path here.
  private static let bytesOfDirectory = 72
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
    blockOwners = [:]
    let firstDirectory = assembly.directoryItems.count
    for index in 0..<Int(block.header.directoryItemCount) { placeDirectory(block, index, part) }
    var pieces = (0..<Int(block.header.directoryCount)).map { placePiece(block, $0, in: number) }
    if isRegular { placeNames(block, part.firstItem, firstDirectory, in: &pieces) }
    for index in 0..<Int(block.header.linkCount) {
      let link = block.link(index)
      pendingLinks.append(
        (part.firstItem + link.item, ArchivePath.linked(Array(block.bytes(link.sourceStart, link.sourceLength)))))
    }
  }

  private mutating func placeDirectory(_ block: MetadataBlock, _ index: Int, _ part: ArchiveAssembly.Part) {
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
    guard assembly.directories[Int(directory)].description == ArchiveAssembly.none else { return isUnambiguous = false }
    assembly.directories[Int(directory)].description = UInt32(assembly.directoryItems.count)
    assembly.directoryItems.append(
      ArchiveAssembly.DirectoryItem(
        item, number: part.firstItem + record.item, directory: directory, atime: block.atime(item) ?? item.mtime,
        owner: owner(block, item.owner), location: part.location(of: item)))
  }

  private mutating func owner(_ block: MetadataBlock, _ number: UInt16) -> UInt32 {
    if let known = blockOwners[number] { return known }
    let stored = StoredOwner(block.owner(Int(number)), in: block)
    let known = ownerNumbers[stored] ?? add(block.owner(Int(number)), stored)
    blockOwners[number] = known
    return known
  }

  private mutating func add(_ owner: BlockOwner, _ stored: StoredOwner) -> UInt32 {
    var owner = owner
    owner.userStart = keep(stored.user ?? [])
    owner.groupStart = keep(stored.group ?? [])
    assembly.owners.append(owner)
    ownerNumbers[stored] = UInt32(assembly.owners.count - 1)
    return UInt32(assembly.owners.count - 1)
  }

  private mutating func keep(_ bytes: some Collection<UInt8>) -> UInt32 {
    guard let start = UInt32(exactly: assembly.arena.count) else {
      isUnambiguous = false
      return 0
    }
    assembly.arena.append(contentsOf: bytes)
    return start
  }

  private mutating func placePiece(_ block: MetadataBlock, _ index: Int, in part: UInt32) -> PlacedPiece {
    let record = block.directory(index)
    let directory = directory(block.bytes(record.pathStart, record.pathLength), hash: record.pathHash, isItem: false)
    append(ArchiveAssembly.Piece(part: part, directory: UInt32(index)), to: directory)
    return PlacedPiece(number: assembly.pieces.count - 1, directory: directory)
  }

  /// `firstDirectory`: the place of the block's first item that is a directory; `pieces`: those of its directories.
  private mutating func placeNames(
    _ block: MetadataBlock, _ firstItem: UInt32, _ firstDirectory: Int, in pieces: inout [PlacedPiece]
  ) {
    var place = firstDirectory
    for index in 0..<block.itemCount {
      let item = block.item(index)
      let isDirectory =
        place < assembly.directoryItems.count && assembly.directoryItems[place].item == firstItem + UInt32(index)
      defer { place += isDirectory ? 1 : 0 }
      guard item.directory != BlockItem.none else { continue }
      if isDirectory {
        append(directoryAt: place, to: &pieces[Int(item.directory)])
        // A marker's name is noted already.
        if assembly.directories[Int(assembly.directoryItems[place].directory)].marker != 0 { continue }
      } else {
        noteOthers(in: pieces[Int(item.directory)])
      }
      note(item.nameHash, in: pieces[Int(item.directory)].directory)
    }
  }

  private mutating func noteOthers(in piece: PlacedPiece) {
    guard assembly.pieces[piece.number].hasOthers == 0 else { return }
    assembly.pieces[piece.number].hasOthers = 1
    assembly.directories[Int(piece.directory)].blockCount += 1
  }

  /// Appends to a piece a directory that comes after those it has.
  private mutating func append(directoryAt place: Int, to piece: inout PlacedPiece) {
    if piece.lastDirectory == ArchiveAssembly.none {
      assembly.pieces[piece.number].firstDirectory = UInt32(place)
    } else {
      assembly.directoryItems[Int(piece.lastDirectory)].next = UInt32(place)
    }
    assembly.directoryItems[place].piece = UInt32(piece.number)
    piece.lastDirectory = UInt32(place)
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
      ArchiveAssembly.Directory(pathHash: hash, pathStart: keep(path), pathLength: UInt32(path.count), parent: parent))
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
  }

  /// Notes a name in a directory; the same name twice makes the archive irregular.
  private mutating func note(_ name: UInt64, in directory: UInt32) {
    let key = (name ^ UInt64(directory) &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    if !seen.insert(key ^ key >> 29) { isUnambiguous = false }
  }

  private mutating func insertSlot(_ number: UInt32) {
    let directories = assembly.directories
    assembly.slots.insert(number, hash: ArchiveAssembly.slotHash(directories[Int(number)].pathHash)) {
      ArchiveAssembly.slotHash(directories[Int($0)].pathHash)
    }
  }
}

/// A block's piece of a directory while its names are placed.
private struct PlacedPiece {
  var number: Int
  var directory: UInt32
  /// The place of the last item in it that is a directory.
  var lastDirectory = ArchiveAssembly.none
}

/// An owner apart from the block that it is stored in.
private struct StoredOwner: Hashable {
  var uid: Int64
  var gid: Int64
  var user: [UInt8]?
  var group: [UInt8]?

  init(_ owner: BlockOwner, in block: MetadataBlock) {
    func name(_ start: UInt32, _ length: UInt32) -> [UInt8]? {
      length == BlockOwner.none ? nil : Array(block.bytes(start, length))
    }
    uid = owner.uid
    gid = owner.gid
    user = name(owner.userStart, owner.userLength)
    group = name(owner.groupStart, owner.groupLength)
  }
}
