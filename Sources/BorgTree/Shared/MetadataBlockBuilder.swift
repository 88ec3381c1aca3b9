import BorgFormat

/// Makes a block of a chunk's items. What archives cannot be put together from (an item that is malformed or cannot be
/// shown where it claims to be, a directory below very many others, a name that is there twice) makes the block
/// irregular: such archives are read whole.
struct MetadataBlockBuilder {
  private let hash: NameHash
  private let source: any TreeSource
  private var header = BlockHeader()
  private var items: [BlockItem] = []
  private var directories: [BlockDirectory] = []
  private var directoryItems: [BlockDirectoryItem] = []
  private var links: [BlockLink] = []
  private var owners: [BlockOwner] = []
  private var slots: [UInt16] = []
  private var arena: [UInt8] = []
  private var directoryNumbers: [UInt64: UInt16] = [:]
  private var lastDirectory: UInt16?
  private var ownerNumbers: [UInt64: UInt16] = [:]
  private var lastOwner: UInt16 = 0

  private static let maximumItems = 60_000
  private static let maximumLength = 64 << 20
  /// Only to ask for about as much memory at the start as is needed in the end.
  private static let usualItemLength = 160
  private static let bytesForOneOfNames = 6
  /// An assembly holds the whole path of each directory above an item, and is made by recursion.
  private static let maximumDepth = 128
  /// So many places are tried at most where a chunk's first item could begin.
  private static let maximumCandidates = 64

  /// The block of a chunk whose first item begins at `start`; nil: where one can be seen to begin.
  static func build(
    _ chunk: UnsafeRawBufferPointer, from start: Int? = nil, hash: NameHash, source: any TreeSource
  ) -> MetadataBlock {
    var builder = MetadataBlockBuilder(hash, source)
    let start = min(start ?? firstItem(in: chunk) ?? chunk.count, chunk.count)
    guard chunk.count <= maximumLength else { return builder.irregular() }
    builder.fill(chunk, from: start)
    return builder.finished()
  }

  private init(_ hash: NameHash, _ source: any TreeSource) {
    self.hash = hash
    self.source = source
  }

  /// Where an item begins that is followed by another one or the chunk's end. Whoever uses it must see to it that what
  /// comes before is made of whole items. A later item than the first will do; what only looks like one costs that the
  /// archive is read whole. What lies before may: the last byte of a number makes a map of the fields after it, so that
  /// the item seems to begin in its middle. Then it lacks what comes first in items, the chunks and the ctime.
  private static func firstItem(in chunk: UnsafeRawBufferPointer) -> Int? {
    var candidates = 0
    for position in 0..<chunk.count where looksLikeItem(chunk, position) {
      let rest = UnsafeRawBufferPointer(rebasing: chunk[position...])
      let location = ItemLocation(firstChunk: 0, offset: 0, length: 0)
      if let skimmed = try? ItemCodec.skim(rest, at: location), isWhole(skimmed.summary) {
        let next = position + skimmed.byteCount
        if next == chunk.count || looksLikeItem(chunk, next) { return position }
      }
      candidates += 1
      if candidates == maximumCandidates { return nil }
    }
    return nil
  }

  private static func isWhole(_ item: ItemSummary) -> Bool {
    let isFile = item.mode & FileType.mask == FileType.regular
    return item.hasChunks || (item.ctime != nil && (!isFile || item.source.count > 0))
  }

  /// A small map whose first key is one of an item's.
  private static func looksLikeItem(_ bytes: UnsafeRawBufferPointer, _ position: Int) -> Bool {
    guard bytes[position] & 0xF0 == 0x80, bytes[position] & 0x0F > 2 else { return false }
    guard position + 1 < bytes.count else { return true }
    guard bytes[position + 1] & 0xE0 == 0xA0 else { return false }
    let length = Int(bytes[position + 1] & 0x1F)
    let key = bytes[(position + 2)...].prefix(length)
    return firstKeys.contains { $0.utf8.count == length && $0.utf8.starts(with: key) }
  }

  /// What items begin with, whose keys are sorted.
  private static let firstKeys = [
    "acl_access", "acl_default", "acl_extended", "acl_nfs4", "atime", "birthtime", "bsdflags", "chunks",
    "chunks_healthy", "ctime", "gid", "group", "hardlink_master", "mode", "mtime", "path",
  ]

  private mutating func fill(_ chunk: UnsafeRawBufferPointer, from start: Int) {
    arena.reserveCapacity(start + (chunk.count - start) / MetadataBlockBuilder.bytesForOneOfNames)
    items.reserveCapacity((chunk.count - start) / MetadataBlockBuilder.usualItemLength)
    arena.append(contentsOf: chunk[..<start])
    var position = start
    while position < chunk.count, let length = addItem(of: chunk, at: position) { position += length }
    header.headLength = UInt32(start)
    header.tailStart = keep(UnsafeRawBufferPointer(rebasing: chunk[position...]))
    header.tailLength = UInt32(chunk.count - position)
    header.chunkLength = UInt32(chunk.count)
    fillSlots()
  }

  /// Adds the item that begins at a position; its length, nil when there is none that is whole and of use.
  private mutating func addItem(of chunk: UnsafeRawBufferPointer, at position: Int) -> Int? {
    let rest = UnsafeRawBufferPointer(rebasing: chunk[position...])
    var location = ItemLocation(firstChunk: 0, offset: UInt32(position), length: 0)
    do {
      guard let skimmed = try ItemCodec.skim(rest, at: location) else { return nil }
      guard items.count < MetadataBlockBuilder.maximumItems else {
        header.isRegular = 0
        return nil
      }
      location.length = UInt32(skimmed.byteCount)
      add(skimmed.summary, at: location)
      return skimmed.byteCount
    } catch {
      header.isRegular = 0
      return nil
    }
  }

  private mutating func add(_ item: ItemSummary, at location: ItemLocation) {
    guard item.isOfShownType, !item.isPart else { return }
    switch TreePath(item.path, strippedComponents: 0) {
    case .root:
      guard item.isDirectory else { return header.isRegular = 0 }
      let empty = UnsafeRawBufferPointer(rebasing: item.path[..<0])
      append(item, at: location, empty, in: BlockItem.none)
    case .entry(let path, let name):
      guard let directory = directory(path) else { return header.isRegular = 0 }
      append(item, at: location, name, in: directory)
    case .nowhere: header.isRegular = 0
    }
  }

  private mutating func append(
    _ item: ItemSummary, at location: ItemLocation, _ name: UnsafeRawBufferPointer, in directory: UInt16
  ) {
    let number = UInt16(items.count)
    var record = BlockItem(
      mtime: item.mtime, ctime: item.ctime ?? item.mtime, nameHash: hash.wide(name), location: location,
      nameStart: keep(name), owner: owner(item), directory: directory, mode: UInt16(truncatingIfNeeded: item.mode),
      nameLength: UInt8(name.count))
    record.identity = item.identity
    record.size = item.shownSize
    if item.hasChunks { record.flags.insert(.hasChunks) }
    if item.hardlinkMaster == false { record.flags.insert(.isNoMaster) }
    if !item.attributeKinds.isEmpty { record.flags.insert(.hasXattrs) }
    header.attributeKinds.formUnion(item.attributeKinds)
    if item.hasHealthyChunks {
      record.flags.insert(.isDamaged)
      header.hasDamagedFiles = 1
    }
    keepExtras(of: item, &record)
    if item.isDirectory {
      let hash = directory == BlockItem.none ? record.nameHash : hash.wide(item.path)
      directoryItems.append(BlockDirectoryItem(pathHash: hash, item: UInt32(number)))
    }
    if item.isHardlinkReference {
      record.flags.insert(.isLink)
      links.append(
        BlockLink(item: UInt32(number), sourceStart: keep(item.source), sourceLength: UInt32(item.source.count)))
    }
    items.append(record)
    if directory != BlockItem.none { chain(number, in: Int(directory)) }
  }

  private mutating func keepExtras(of item: ItemSummary, _ record: inout BlockItem) {
    record.extrasStart = UInt32(arena.count)
    if let atime = item.atime, atime != item.mtime {
      record.flags.insert(.hasAtime)
      _ = withUnsafeBytes(of: atime) { keep($0) }
    }
    let holeBytes = source.holeBytes(of: item)
    if holeBytes > 0 {
      record.flags.insert(.hasHoles)
      _ = withUnsafeBytes(of: holeBytes) { keep($0) }
    }
  }

  private mutating func chain(_ number: UInt16, in directory: Int) {
    let last = directories[directory].last
    if last == BlockItem.none { directories[directory].first = number } else { items[Int(last)].next = number }
    directories[directory].last = number
  }

  /// The number of a directory; nil: there is none that can be shown.
  private mutating func directory(_ path: UnsafeRawBufferPointer) -> UInt16? {
    if let lastDirectory, isPath(lastDirectory, path) { return lastDirectory }
    let hash = hash.wide(path)
    if let known = directoryNumbers[hash] {
      guard isPath(known, path) else { return nil }
      lastDirectory = known
      return known
    }
    guard path.isEmpty || TreePath.areNames(path, atMost: MetadataBlockBuilder.maximumDepth),
      directories.count < MetadataBlockBuilder.maximumItems
    else {
      return nil
    }
    let number = UInt16(directories.count)
    directories.append(
      BlockDirectory(
        pathHash: hash, pathStart: keep(path), pathLength: UInt32(path.count), first: BlockItem.none,
        last: BlockItem.none))
    directoryNumbers[hash] = number
    lastDirectory = number
    return number
  }

  private func isPath(_ directory: UInt16, _ path: UnsafeRawBufferPointer) -> Bool {
    let start = Int(directories[Int(directory)].pathStart)
    let end = start + Int(directories[Int(directory)].pathLength)
    return arena.withUnsafeBytes { equal(UnsafeRawBufferPointer(rebasing: $0[start..<end]), path) }
  }

  private mutating func owner(_ item: ItemSummary) -> UInt16 {
    if isOwner(lastOwner, item) { return lastOwner }
    let hash = ownerHash(item)
    if let known = ownerNumbers[hash] {
      lastOwner = known
      // The hash is keyed and wide.
      if !isOwner(known, item) { header.isRegular = 0 }
      return known
    }
    guard owners.count < MetadataBlockBuilder.maximumItems else {
      header.isRegular = 0
      return 0
    }
    lastOwner = UInt16(owners.count)
    ownerNumbers[hash] = lastOwner
    owners.append(
      BlockOwner(
        uid: item.uid, gid: item.gid, userStart: keep(item.user), groupStart: keep(item.group),
        userLength: item.user.baseAddress == nil ? BlockOwner.none : UInt32(item.user.count),
        groupLength: item.group.baseAddress == nil ? BlockOwner.none : UInt32(item.group.count)))
    return lastOwner
  }

  private func isOwner(_ number: UInt16, _ item: ItemSummary) -> Bool {
    guard Int(number) < owners.count else { return false }
    let owner = owners[Int(number)]
    return owner.uid == item.uid && owner.gid == item.gid && isName(owner.userStart, owner.userLength, item.user)
      && isName(owner.groupStart, owner.groupLength, item.group)
  }

  private func ownerHash(_ item: ItemSummary) -> UInt64 {
    let kind: UInt32 = (item.user.baseAddress == nil ? 1 : 0) + (item.group.baseAddress == nil ? 2 : 0)
    let parts = [
      UInt64(bitPattern: item.uid), UInt64(bitPattern: item.gid), hash.wide(item.user), hash.wide(item.group),
    ]
    return parts.withUnsafeBytes { hash.wide($0, kind) }
  }

  private func isName(_ start: UInt32, _ length: UInt32, _ name: UnsafeRawBufferPointer) -> Bool {
    guard length != BlockOwner.none else { return name.baseAddress == nil }
    return name.baseAddress != nil
      && arena.withUnsafeBytes { equal(UnsafeRawBufferPointer(rebasing: $0[Int(start)..<Int(start + length)]), name) }
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let start = UInt32(arena.count)
    arena.append(contentsOf: bytes)
    return start
  }

  private mutating func fillSlots() {
    var count = 2
    while count < items.count * 3 / 2 + 1 { count *= 2 }
    slots = Array(repeating: BlockItem.none, count: count)
    for (number, item) in items.enumerated() where item.directory != BlockItem.none {
      var slot = Int(truncatingIfNeeded: MetadataBlock.slotHash(item.nameHash, item.directory)) & (count - 1)
      while slots[slot] != BlockItem.none {
        let other = items[Int(slots[slot])]
        // The hash is keyed and wide: equal ones mean equal names, or once in an age an archive that is read whole.
        if other.nameHash == item.nameHash, other.directory == item.directory {
          header.isRegular = 0
          return
        }
        slot = (slot + 1) & (count - 1)
      }
      slots[slot] = UInt16(number)
    }
  }

  private consuming func irregular() -> MetadataBlock {
    header.isRegular = 0
    return finished()
  }

  private consuming func finished() -> MetadataBlock {
    if slots.isEmpty { slots = [BlockItem.none, BlockItem.none] }
    header.itemCount = UInt32(items.count)
    header.directoryCount = UInt32(directories.count)
    header.directoryItemCount = UInt32(directoryItems.count)
    header.linkCount = UInt32(links.count)
    header.ownerCount = UInt32(owners.count)
    header.slotCount = UInt32(slots.count)
    header.arenaLength = UInt32(arena.count)
    let (header, items, directories, directoryItems) = (header, items, directories, directoryItems)
    let (links, owners, slots, arena) = (links, owners, slots, arena)
    return MetadataBlock(header) { image in
      var start = 0
      func put(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: image[start...]).copyMemory(from: bytes)
        start += bytes.count
      }
      withUnsafeBytes(of: header) { put($0) }
      items.withUnsafeBytes { put($0) }
      directories.withUnsafeBytes { put($0) }
      directoryItems.withUnsafeBytes { put($0) }
      links.withUnsafeBytes { put($0) }
      owners.withUnsafeBytes { put($0) }
      slots.withUnsafeBytes { put($0) }
      arena.withUnsafeBytes { put($0) }
    }
  }
}
