import BorgFormat
import Synchronization

/// An archive's names and objects, looked up in the blocks it shares with other archives.
///
/// Directories have the numbers of their first appearance; everything else has bit 31 and its place among the archive's
/// items. Both follow from the archive alone.
final class SharedArchive: Nodes {
  let assembly: ArchiveAssembly
  private let store: BlockStore
  private let rootTime: Int64
  private let options: TreeOptions
  /// Of directories.
  private let owners: [(uid: UInt32, gid: UInt32)]
  /// Of directories whose files lie in many blocks: all those files' names, made when one is first looked up.
  private let largeDirectories = Mutex<[UInt32: SlotTable]>([:])

  static let itemBit: UInt32 = 1 << 31
  private static let blocksOfLargeDirectory: UInt32 = 6

  init(_ assembly: ArchiveAssembly, _ store: BlockStore, rootTime: Int64, options: TreeOptions) {
    self.assembly = assembly
    self.store = store
    self.rootTime = rootTime
    self.options = options
    owners = assembly.arena.withUnsafeBytes { arena in
      assembly.owners.map { store.shown($0) { UnsafeRawBufferPointer(rebasing: arena[Int($0)..<Int($0) + Int($1)]) } }
    }
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
    assembly.byteCount + owners.count * 8 + largeDirectories.withLock { $0.values.reduce(0) { $0 + $1.byteCount } }
  }

  func description(of node: UInt32) throws(TreeError) -> NodeDescription {
    guard node & SharedArchive.itemBit != 0 else { return try directoryDescription(node) }
    let item = node & ~SharedArchive.itemBit
    guard item < assembly.itemCount, assembly.directoryItem(item) == nil else { throw .noSuchEntry }
    let description = try itemDescription(item)
    // Directories have numbers of their own.
    guard !description.isDirectory else { throw .noSuchEntry }
    return description
  }

  func ownDescription(of node: UInt32) throws(TreeError) -> NodeDescription? {
    let item = node & ~SharedArchive.itemBit
    guard item != node, item < assembly.itemCount, object(item) == node else { return nil }
    return try itemDescription(item)
  }

  func parent(of directory: UInt32) throws(TreeError) -> UInt32 { assembly.directories[Int(directory)].parent }

  func find(_ name: UnsafeRawBufferPointer, in directory: UInt32) throws(TreeError) -> UInt32? {
    if let found = assembly.directory(name, in: directory, hash: store.hash) { return found }
    let hash = store.hash.wide(name)
    if assembly.directories[Int(directory)].blockCount >= SharedArchive.blocksOfLargeDirectory {
      return try findInLarge(name, hash, directory)
    }
    for (_, piece) in assembly.pieces(of: directory) where piece.hasOthers != 0 {
      let block = try block(piece.part)
      if let found = block.block.find(name, hash: hash, in: UInt16(truncatingIfNeeded: piece.directory)) {
        return object(assembly.parts[Int(piece.part)].firstItem + UInt32(found))
      }
    }
    return nil
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
  func block(_ part: UInt32) throws(TreeError) -> LoadedBlock {
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
  func object(_ item: UInt32) -> UInt32 {
    if let directory = assembly.directoryItem(item)?.directory { return directory }
    return SharedArchive.itemBit | (assembly.object(ofLink: item) ?? item)
  }

  func record(_ item: UInt32) throws(TreeError) -> (item: BlockItem, part: Int, block: LoadedBlock) {
    let part = assembly.part(ofItem: item)
    let block = try block(UInt32(part))
    return (block.block.item(Int(item - assembly.parts[part].firstItem)), part, block)
  }

  func directoryDescription(_ number: UInt32) throws(TreeError) -> NodeDescription {
    guard Int(number) < assembly.directories.count else { throw .noSuchEntry }
    if let item = assembly.description(of: number) { return description(item) }
    let time = number == 0 ? rootTime : options.mountTime
    return NodeDescription(
      mode: 0o040755, uid: options.forcedUID ?? options.uid, gid: options.forcedGID ?? options.gid, mtime: time,
      ctime: time, atime: time)
  }

  func description(_ item: ArchiveAssembly.DirectoryItem) -> NodeDescription {
    let owner = owners[Int(item.owner)]
    var result = NodeDescription(
      mode: UInt32(item.mode), uid: owner.uid, gid: owner.gid, mtime: item.mtime, ctime: item.ctime, atime: item.atime)
    result.hasXattrs = item.flags.contains(.hasXattrs)
    result.isDamaged = item.flags.contains(.isDamaged)
    result.location = item.location
    return result
  }

  func itemDescription(_ number: UInt32) throws(TreeError) -> NodeDescription {
    let (item, part, block) = try record(number)
    return description(item, number, assembly.parts[part], block)
  }

  func description(
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

  // MARK: Large directories

  private func findInLarge(
    _ name: UnsafeRawBufferPointer, _ hash: UInt64, _ directory: UInt32
  ) throws(TreeError) -> UInt32? {
    let names = try largeDirectory(directory)
    var failure: TreeError?
    let found = names.first(hash: ArchiveAssembly.slotHash(hash)) { number in
      do throws(TreeError) {
        let record = try record(number)
        return record.item.nameHash == hash && equal(record.block.block.name(record.item), name)
      } catch {
        failure = error
        return true
      }
    }
    if let failure { throw failure }
    return found.map { object($0) }
  }

  /// The items' numbers by their names' hashes, without those that are directories.
  private func largeDirectory(_ directory: UInt32) throws(TreeError) -> SlotTable {
    if let known = largeDirectories.withLock({ $0[directory] }) { return known }
    var (names, hashes) = (SlotTable(), [UInt32: UInt32]())
    for (_, piece) in assembly.pieces(of: directory) where piece.hasOthers != 0 {
      _ = try forEachItem(of: piece, from: nil) { name in
        guard name.object & SharedArchive.itemBit != 0 else { return true }
        let number = name.position & ~SharedArchive.itemBit
        let hash = ArchiveAssembly.slotHash(store.hash.wide(name.name))
        hashes[number] = hash
        names.insert(number, hash: hash) { hashes[$0] ?? 0 }
        return true
      }
    }
    largeDirectories.withLock { $0[directory] = names }
    return names
  }
}
