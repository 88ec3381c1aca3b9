import BorgFormat

/// The blocks of one item stream, one after the other. Items that lie across chunks are put together from the ends of
/// the blocks beside them, into seams: blocks and seams in turn hold all the stream's items in order.
struct BlockChain {
  /// False once the stream turns out to be one that must be read item by item.
  private(set) var isRegular = true
  /// Items so far.
  private(set) var itemCount: UInt32 = 0
  private let store: BlockStore
  // What the chunks so far end with: the beginning of an item.
  private var carry: [UInt8] = []
  private var carrySources: [ArchiveAssembly.Source] = []
  /// The block before, unless chunks lie between that hold no item's end.
  private var previous: UInt32?
  private var chunkCount: UInt32 = 0

  private static let maximumCarry = 16 << 20
  private static let maximumItems = 1 << 30

  init(_ store: BlockStore) { self.store = store }

  /// What the stream's next block adds: a seam, the block itself, both or, when they hold no items, neither.
  mutating func add(_ ends: BlockEnds, _ number: UInt32) -> [ArchiveAssembly.Part] {
    guard isRegular else { return [] }
    let chunk = chunkCount
    chunkCount += 1
    isRegular = ends.isRegular
    guard isRegular else { return [] }
    append(ends.head, of: chunk, from: 0)
    if ends.isHeadOnly {
      previous = nil
      isRegular = carry.count <= BlockChain.maximumCarry
      return []
    }
    var parts: [ArchiveAssembly.Part] = []
    if !carry.isEmpty {
      place(seam(before: number), chunk, &parts)
    }
    place(ArchiveAssembly.Part(.block(number), firstItem: itemCount, chunk: chunk), ends.itemCount, &parts)
    carry.removeAll(keepingCapacity: true)
    carrySources.removeAll(keepingCapacity: true)
    append(ends.tail, of: chunk, from: ends.tailOffset)
    previous = number
    return parts
  }

  /// What is left when there are no more blocks.
  mutating func finish() -> [ArchiveAssembly.Part] {
    guard isRegular, !carry.isEmpty else { return [] }
    var parts: [ArchiveAssembly.Part] = []
    place(store.seam(store.build(carry)), chunkCount, &parts)
    return parts
  }

  /// The block of what lies before another one.
  private func seam(before number: UInt32) -> LoadedBlock {
    guard let previous else { return store.seam(store.build(carry)) }
    return store.seam(between: previous, and: number) { store.build(carry) }
  }

  private mutating func append(_ bytes: [UInt8], of chunk: UInt32, from offset: UInt32) {
    guard !bytes.isEmpty else { return }
    carrySources.append(ArchiveAssembly.Source(start: UInt32(carry.count), chunk: chunk, offset: offset))
    carry.append(contentsOf: bytes)
  }

  private mutating func place(_ seam: LoadedBlock, _ chunk: UInt32, _ parts: inout [ArchiveAssembly.Part]) {
    guard seam.block.isRegular, seam.block.tail.isEmpty else { return isRegular = false }
    place(
      ArchiveAssembly.Part(.seam(seam), firstItem: itemCount, chunk: chunk, sources: carrySources),
      seam.block.itemCount, &parts)
  }

  private mutating func place(
    _ part: ArchiveAssembly.Part, _ itemCount: Int, _ parts: inout [ArchiveAssembly.Part]
  ) {
    guard isRegular, itemCount > 0 else { return }
    guard Int(self.itemCount) + itemCount < BlockChain.maximumItems else { return isRegular = false }
    self.itemCount += UInt32(itemCount)
    parts.append(part)
  }
}

/// What must be known of a block to go on from it to another: little beside its items.
struct BlockEnds: Sendable {
  let isRegular: Bool
  let itemCount: Int
  let head: [UInt8]
  let tail: [UInt8]
  /// Where in the chunk the tail begins.
  let tailOffset: UInt32
  /// Whether no item begins in the chunk that could be told.
  let isHeadOnly: Bool

  init(_ block: MetadataBlock) {
    isRegular = block.isRegular
    itemCount = block.itemCount
    head = Array(block.head)
    tail = Array(block.tail)
    tailOffset = block.header.chunkLength - block.header.tailLength
    isHeadOnly = block.header.headLength == block.header.chunkLength && block.itemCount == 0
  }

  var byteCount: Int { head.count + tail.count }
}
