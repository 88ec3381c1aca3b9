import BorgFormat
import Synchronization

/// An archive's names and objects, looked up in the blocks it shares with other archives.
///
/// Directories have the numbers of their first appearance; everything else has bit 31 and its place among the archive's
/// items. Both follow from the archive alone.
final class SharedArchive: Nodes {
  private let assembly: ArchiveAssembly
  private let store: BlockStore
  private let rootTime: Int64
  private let options: TreeOptions
  /// Of directories that lie in many blocks: all their names, made when one is first looked up.
  private let largeDirectories = Mutex<[UInt32: SlotTable]>([:])

  private static let itemBit: UInt32 = 1 << 31
  private static let piecesOfLargeDirectory: UInt32 = 6

  init(_ assembly: ArchiveAssembly, _ store: BlockStore, rootTime: Int64, options: TreeOptions) {
    self.assembly = assembly
    self.store = store
    self.rootTime = rootTime
    self.options = options
  }

  /// Reads an archive's stream as far as its blocks are not known; nil when the archive must be read whole.
  static func read(
    _ archive: TreeArchive, _ store: BlockStore, rootTime: Int64, options: TreeOptions
  ) throws(TreeError) -> SharedArchive? {
    guard BlockStore.serves(options), store.source.selectsEverything else { return nil }
    if let kept = ArchiveAssembly.kept(archive.id, store) {
      return SharedArchive(kept, store, rootTime: rootTime, options: options)
    }
    guard let ids = try store.source.streamChunks(of: archive) else { return nil }
    var assembler = ArchiveAssembler(store)
    try store.forEachBlock(of: ids) { (block, number) throws(TreeError) in
      assembler.add(block, number)
      return assembler.isRegular
    }
    let made = try assembler.finished(rootTime: rootTime, options: options)
    made?.assembly.keep(archive.id, store)
    return made
  }

  var count: Int { Int(assembly.itemCount) + 1 }
  var hasDamagedFiles: Bool { assembly.hasDamagedFiles }
  var attributeKinds: AttributeKinds { assembly.attributeKinds }
  var byteCount: Int {
    assembly.byteCount + largeDirectories.withLock { $0.values.reduce(0) { $0 + $1.byteCount } }
  }

  func description(of node: UInt32) throws(TreeError) -> NodeDescription {
    guard node & SharedArchive.itemBit != 0 else { return try directoryDescription(node) }
    let item = node & ~SharedArchive.itemBit
    guard item < assembly.itemCount, assembly.directory(ofItem: item) == nil else { throw .noSuchEntry }
    return try itemDescription(item)
  }

  func parent(of directory: UInt32) throws(TreeError) -> UInt32 { assembly.directories[Int(directory)].parent }

  func find(_ name: UnsafeRawBufferPointer, in directory: UInt32) throws(TreeError) -> UInt32? {
    let record = assembly.directories[Int(directory)]
    let hash = store.hash.wide(name)
    if record.pieceCount >= SharedArchive.piecesOfLargeDirectory { return try findInLarge(name, hash, directory) }
    var next = record.firstPiece
    while next != ArchiveAssembly.none {
      let piece = assembly.pieces[Int(next)]
      next = piece.next
      if piece.part == ArchiveAssembly.none {
        if isMarker(piece, name) { return piece.directory }
        continue
      }
      let block = try block(piece.part)
      if let found = block.block.find(name, hash: hash, in: UInt16(truncatingIfNeeded: piece.directory)) {
        return object(assembly.parts[Int(piece.part)].firstItem + UInt32(found))
      }
    }
    return nil
  }

  func forEachName(
    in directory: UInt32, after position: UInt32?, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError) {
    var (piece, item) = try start(directory, position)
    while piece != ArchiveAssembly.none {
      let record = assembly.pieces[Int(piece)]
      if record.part == ArchiveAssembly.none {
        if assembly.directories[Int(record.directory)].item == ArchiveAssembly.none, item != BlockItem.none {
          let description = try directoryDescription(record.directory)
          let goesOn = withLastElement(record.directory) {
            body(NodeName(name: $0, position: record.directory, object: record.directory, description: description))
          }
          guard goesOn else { return }
        }
      } else {
        guard try forEachItem(of: record, from: item, body) else { return }
      }
      piece = record.next
      item = SharedArchive.first
    }
  }

  /// The item that later names of a hard link mean by a path; nil: none, or one that is a later name itself.
  func master(_ path: [UInt8]) throws(TreeError) -> UInt32? {
    let slash = path.lastIndex(of: TreePath.separator)
    let parent = path[..<(slash ?? 0)].withUnsafeBytes { assembly.directory($0, hash: store.hash.wide($0)) }
    guard let parent else { return nil }
    let name = Array(path[(slash.map { $0 + 1 } ?? 0)...])
    let found = try name.span.withPointer { (name) throws(TreeError) in try find(name, in: parent) }
    guard let found, found & SharedArchive.itemBit != 0 else { return nil }
    let item = found & ~SharedArchive.itemBit
    return try record(item).item.flags.contains(.isLink) ? nil : item
  }
}

extension SharedArchive {
  /// Stands for the first item of a piece, whichever that is.
  private static let first: UInt16 = BlockItem.none - 1

  private func block(_ part: UInt32) throws(TreeError) -> LoadedBlock {
    let loaded: LoadedBlock
    switch assembly.parts[Int(part)].content {
    case .block(let number): loaded = try store.block(number)
    case .seam(let seam): loaded = seam
    }
    // An index could have been made of other blocks.
    guard loaded.block.itemCount == assembly.itemCount(ofPart: Int(part)) else {
      throw .ioFailed("A block of metadata is not what it was.")
    }
    return loaded
  }

  /// The object that an item's name stands for.
  private func object(_ item: UInt32) -> UInt32 {
    if let directory = assembly.directory(ofItem: item) { return directory }
    return SharedArchive.itemBit | (assembly.object(ofLink: item) ?? item)
  }

  private func record(_ item: UInt32) throws(TreeError) -> (item: BlockItem, part: Int, block: LoadedBlock) {
    let part = assembly.part(ofItem: item)
    let block = try block(UInt32(part))
    return (block.block.item(Int(item - assembly.parts[part].firstItem)), part, block)
  }

  private func directoryDescription(_ number: UInt32) throws(TreeError) -> NodeDescription {
    guard Int(number) < assembly.directories.count else { throw .noSuchEntry }
    let item = assembly.directories[Int(number)].item
    if item != ArchiveAssembly.none { return try itemDescription(item) }
    let time = number == 0 ? rootTime : options.mountTime
    return NodeDescription(
      mode: 0o040755, uid: options.forcedUID ?? options.uid, gid: options.forcedGID ?? options.gid, mtime: time,
      ctime: time, atime: time)
  }

  private func itemDescription(_ number: UInt32) throws(TreeError) -> NodeDescription {
    let (item, part, block) = try record(number)
    return description(item, number, assembly.parts[part], block)
  }

  private func description(
    _ item: BlockItem, _ number: UInt32, _ part: ArchiveAssembly.Part, _ loaded: LoadedBlock
  ) -> NodeDescription {
    let owner = loaded.owners[Int(item.owner)]
    var result = NodeDescription(
      mode: UInt32(item.mode), uid: owner.uid, gid: owner.gid, mtime: item.mtime, ctime: item.ctime,
      atime: loaded.block.atime(item) ?? item.mtime)
    result.hasXattrs = item.flags.contains(.hasXattrs)
    result.isDamaged = item.flags.contains(.isDamaged)
    result.location = part.location(of: item)
    if !item.isDirectory {
      result.size = item.size
      result.holeBytes = loaded.block.holeBytes(item)
      result.linkCount = assembly.linkCounts[number] ?? 1
    }
    return result
  }

  /// Where a listing goes on: a piece, and an item of it, or `none` past a piece that has only one name.
  private func start(_ directory: UInt32, _ position: UInt32?) throws(TreeError) -> (piece: UInt32, item: UInt16) {
    var piece = assembly.directories[Int(directory)].firstPiece
    guard let position else { return (piece, SharedArchive.first) }
    let isItem = position & SharedArchive.itemBit != 0
    var (part, local, next) = (ArchiveAssembly.none, position, BlockItem.none)
    if isItem {
      let number = position & ~SharedArchive.itemBit
      guard number < assembly.itemCount else { throw .noSuchEntry }
      let found = try record(number)
      (part, local, next) = (UInt32(found.part), UInt32(found.item.directory), found.item.next)
    }
    while piece != ArchiveAssembly.none {
      let record = assembly.pieces[Int(piece)]
      if record.part == part, record.directory == local { return (piece, next) }
      piece = record.next
    }
    throw .noSuchEntry
  }

  private func forEachItem(
    of piece: ArchiveAssembly.Piece, from first: UInt16, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError) -> Bool {
    let part = assembly.parts[Int(piece.part)]
    let loaded = try block(piece.part)
    guard piece.directory < loaded.block.header.directoryCount else { throw .noSuchEntry }
    var next = first == SharedArchive.first ? loaded.block.directory(Int(piece.directory)).first : first
    while next != BlockItem.none {
      let item = loaded.block.item(Int(next))
      let number = part.firstItem + UInt32(next)
      let object = object(number)
      let description =
        item.flags.contains(.isLink)
        ? try itemDescription(object & ~SharedArchive.itemBit) : description(item, number, part, loaded)
      let name = NodeName(
        name: loaded.block.name(item), position: SharedArchive.itemBit | number, object: object,
        description: description)
      guard body(name) else { return false }
      next = item.next
    }
    return true
  }

  private func isMarker(_ piece: ArchiveAssembly.Piece, _ name: UnsafeRawBufferPointer) -> Bool {
    guard assembly.directories[Int(piece.directory)].item == ArchiveAssembly.none else { return false }
    return withLastElement(piece.directory) { equal($0, name) }
  }

  private func withLastElement<R>(_ directory: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let path = assembly.path(directory)
    let start = path.lastIndex(of: TreePath.separator).map { $0 + 1 } ?? path.startIndex
    return path[start...].withUnsafeBytes { body($0) }
  }

  // MARK: Large directories

  private func findInLarge(
    _ name: UnsafeRawBufferPointer, _ hash: UInt64, _ directory: UInt32
  ) throws(TreeError) -> UInt32? {
    let names = try largeDirectory(directory)
    var failure: TreeError?
    let found = names.first(hash: ArchiveAssembly.slotHash(hash)) { number in
      guard number & SharedArchive.itemBit != 0 else { return withLastElement(number) { equal($0, name) } }
      do throws(TreeError) {
        let record = try record(number & ~SharedArchive.itemBit)
        return record.item.nameHash == hash && equal(record.block.block.name(record.item), name)
      } catch {
        failure = error
        return true
      }
    }
    if let failure { throw failure }
    return found.map { $0 & SharedArchive.itemBit != 0 ? object($0 & ~SharedArchive.itemBit) : $0 }
  }

  /// The names' own numbers by their hash.
  private func largeDirectory(_ directory: UInt32) throws(TreeError) -> SlotTable {
    if let known = largeDirectories.withLock({ $0[directory] }) { return known }
    var (names, hashes) = (SlotTable(), [UInt32: UInt32]())
    try forEachName(in: directory, after: nil) { name in
      let hash = ArchiveAssembly.slotHash(store.hash.wide(name.name))
      hashes[name.position] = hash
      names.insert(name.position, hash: hash) { hashes[$0] ?? 0 }
      return true
    }
    largeDirectories.withLock { $0[directory] = names }
    return names
  }
}
