import BorgFormat

/// What a tree needs to know of the items in one chunk of an item stream: one flat image, never changed, shared by all
/// archives whose streams hold the chunk.
///
/// The image is a header, the records of items, directories, items that are directories, hard links and owners, a hash
/// table of names, and an arena of bytes that the records point into. A chunk's items begin wherever the one before it
/// left off; the bytes before the first whole item (`head`) and after the last (`tail`) are kept, so that items that lie
/// across chunks can be put together without the chunks.
public final class MetadataBlock: @unchecked Sendable {
  // Safe: the image is written before there is an object, and freed with it.
  private let memory: ImageMemory
  let header: BlockHeader
  private let directoriesStart: Int
  private let directoryItemsStart: Int
  private let linksStart: Int
  private let ownersStart: Int
  private let slotsStart: Int
  private let arenaStart: Int

  /// `write` fills the image, whose size the header determines.
  init(_ header: BlockHeader, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
    self.header = header
    directoriesStart = MemoryLayout<BlockHeader>.stride + Int(header.itemCount) * MemoryLayout<BlockItem>.stride
    directoryItemsStart = directoriesStart + Int(header.directoryCount) * MemoryLayout<BlockDirectory>.stride
    linksStart = directoryItemsStart + Int(header.directoryItemCount) * MemoryLayout<BlockDirectoryItem>.stride
    ownersStart = linksStart + Int(header.linkCount) * MemoryLayout<BlockLink>.stride
    slotsStart = ownersStart + Int(header.ownerCount) * MemoryLayout<BlockOwner>.stride
    arenaStart = slotsStart + Int(header.slotCount) * MemoryLayout<UInt16>.stride
    memory = ImageMemory(byteCount: arenaStart + Int(header.arenaLength))
    write(image)
  }

  /// The block whose image was kept; nil: the bytes are not an image that could have been made.
  convenience init?(image: [UInt8]) {
    guard image.count >= MemoryLayout<BlockHeader>.stride else { return nil }
    let header = image.withUnsafeBytes { $0.loadUnaligned(as: BlockHeader.self) }
    guard header.imageSize == UInt64(image.count) else { return nil }
    self.init(header) { $0.copyBytes(from: image) }
    guard isSound else { return nil }
  }

  /// The bytes to keep.
  var imageBytes: [UInt8] { Array(image) }
  func withImage<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { body(UnsafeRawBufferPointer(image)) }

  private var image: UnsafeMutableRawBufferPointer { memory.bytes }

  /// The memory that its image takes.
  public var byteCount: Int { image.count }
  var itemCount: Int { Int(header.itemCount) }
  /// Whether the items are such that archives can be put together from blocks.
  var isRegular: Bool { header.isRegular != 0 }
  var head: UnsafeRawBufferPointer { bytes(0, header.headLength) }
  var tail: UnsafeRawBufferPointer { bytes(header.tailStart, header.tailLength) }

  func item(_ number: Int) -> BlockItem { load(MemoryLayout<BlockHeader>.stride, number, header.itemCount) }
  func directory(_ number: Int) -> BlockDirectory { load(directoriesStart, number, header.directoryCount) }
  func directoryItem(_ number: Int) -> BlockDirectoryItem {
    load(directoryItemsStart, number, header.directoryItemCount)
  }
  func link(_ number: Int) -> BlockLink { load(linksStart, number, header.linkCount) }
  func owner(_ number: Int) -> BlockOwner { load(ownersStart, number, header.ownerCount) }

  /// Bytes of the arena.
  func bytes(_ start: UInt32, _ count: UInt32) -> UnsafeRawBufferPointer {
    precondition(UInt64(start) + UInt64(count) <= UInt64(header.arenaLength))
    let first = arenaStart + Int(start)
    return UnsafeRawBufferPointer(rebasing: image[first..<first + Int(count)])
  }

  func name(_ item: BlockItem) -> UnsafeRawBufferPointer { bytes(item.nameStart, UInt32(item.nameLength)) }

  /// The stored access time; nil: the same as the modification time.
  func atime(_ item: BlockItem) -> Int64? {
    item.flags.contains(.hasAtime) ? extra(item, 0) : nil
  }

  /// How many of a file's bytes are in holes.
  func holeBytes(_ item: BlockItem) -> Int64 {
    item.flags.contains(.hasHoles) ? extra(item, item.flags.contains(.hasAtime) ? 1 : 0) : 0
  }

  private func extra(_ item: BlockItem, _ number: UInt32) -> Int64 {
    bytes(item.extrasStart, 8 * (number + 1)).loadUnaligned(fromByteOffset: 8 * Int(number), as: Int64.self)
  }

  /// The item of this name in one of the block's directories.
  func find(_ name: UnsafeRawBufferPointer, hash: UInt64, in directory: UInt16) -> Int? {
    let mask = Int(header.slotCount) - 1
    var slot = Int(truncatingIfNeeded: MetadataBlock.slotHash(hash, directory)) & mask
    while true {
      let number = self.slot(slot)
      if number == BlockItem.none { return nil }
      let item = item(Int(number))
      if item.nameHash == hash, item.directory == directory, equal(self.name(item), name) { return Int(number) }
      slot = (slot + 1) & mask
    }
  }

  /// Of a later name of a hard link: the path it refers to.
  func source(ofLink item: Int) -> UnsafeRawBufferPointer? {
    var (low, high) = (0, Int(header.linkCount))
    while low < high {
      let middle = (low + high) / 2
      if Int(link(middle).item) < item { low = middle + 1 } else { high = middle }
    }
    guard low < Int(header.linkCount), Int(link(low).item) == item else { return nil }
    return bytes(link(low).sourceStart, link(low).sourceLength)
  }

  static func slotHash(_ name: UInt64, _ directory: UInt16) -> UInt32 {
    UInt32(truncatingIfNeeded: (name ^ UInt64(directory) &* 0x9E37_79B9_7F4A_7C15) >> 7)
  }

  private func slot(_ number: Int) -> UInt16 {
    UnsafeRawBufferPointer(image).load(fromByteOffset: slotsStart + number * 2, as: UInt16.self)
  }

  private func load<T: BitwiseCopyable>(_ start: Int, _ number: Int, _ count: UInt32) -> T {
    precondition(number >= 0 && number < Int(count))
    return UnsafeRawBufferPointer(image).load(fromByteOffset: start + number * MemoryLayout<T>.stride, as: T.self)
  }
}

extension MetadataBlock {
  /// Whether nothing in the image points out of it, so that whatever is asked of the block can be answered.
  private var isSound: Bool {
    let slots = Int(header.slotCount)
    guard slots > 0, slots & (slots - 1) == 0, header.headLength <= header.arenaLength,
      holds(header.tailStart, header.tailLength),
      UInt64(header.headLength) + UInt64(header.tailLength) <= UInt64(header.chunkLength)
    else { return false }
    var hasFreeSlot = false
    for number in 0..<slots {
      let item = slot(number)
      if item == BlockItem.none { hasFreeSlot = true } else if item >= header.itemCount { return false }
    }
    return hasFreeSlot && (0..<itemCount).allSatisfy { isSound(item($0), $0) } && areTablesSound
  }

  private func isSound(_ item: BlockItem, _ number: Int) -> Bool {
    holds(item.nameStart, UInt32(item.nameLength)) && item.owner < header.ownerCount
      && (item.directory == BlockItem.none || item.directory < header.directoryCount)
      && (item.next == BlockItem.none || item.next < header.itemCount && Int(item.next) > number)
      && UInt64(item.offset) + UInt64(item.length) <= UInt64(header.chunkLength)
      && holds(item.extrasStart, 8 * item.flags.extraCount) && (0...max(0, item.size)).contains(holeBytes(item))
  }

  private var areTablesSound: Bool {
    for number in 0..<Int(header.directoryCount) {
      let directory = directory(number)
      guard holds(directory.pathStart, directory.pathLength),
        directory.first == BlockItem.none || directory.first < header.itemCount
      else { return false }
    }
    for number in 0..<Int(header.directoryItemCount) where directoryItem(number).item >= header.itemCount {
      return false
    }
    for number in 0..<Int(header.linkCount) {
      let link = link(number)
      guard link.item < header.itemCount, holds(link.sourceStart, link.sourceLength) else { return false }
    }
    return (0..<Int(header.ownerCount)).allSatisfy { owner($0).areNames(holds) }
  }

  private func holds(_ start: UInt32, _ count: UInt32) -> Bool {
    UInt64(start) + UInt64(count) <= UInt64(header.arenaLength)
  }
}
