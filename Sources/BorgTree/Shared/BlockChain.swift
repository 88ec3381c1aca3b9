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

  typealias Placed = (part: ArchiveAssembly.Part, block: LoadedBlock)

  init(_ store: BlockStore) { self.store = store }

  /// What the stream's next block adds: a seam, the block itself, both or, when they hold no items, neither.
  mutating func add(_ loaded: LoadedBlock, _ number: UInt32) -> [Placed] {
    guard isRegular else { return [] }
    let (block, chunk) = (loaded.block, chunkCount)
    chunkCount += 1
    isRegular = block.isRegular
    guard isRegular else { return [] }
    append(block.head, of: chunk, from: 0)
    if block.header.headLength == block.header.chunkLength, block.itemCount == 0 {
      previous = nil
      isRegular = carry.count <= BlockChain.maximumCarry
      return []
    }
    var placed: [Placed] = []
    if !carry.isEmpty {
      place(previous.map { store.seam(between: $0, and: number, carry) } ?? store.seam(carry), chunk, &placed)
    }
    place(loaded, ArchiveAssembly.Part(.block(number), firstItem: itemCount, chunk: chunk), &placed)
    carry.removeAll(keepingCapacity: true)
    carrySources.removeAll(keepingCapacity: true)
    append(block.tail, of: chunk, from: block.header.chunkLength - block.header.tailLength)
    previous = number
    return placed
  }

  /// What is left when there are no more blocks.
  mutating func finish() -> [Placed] {
    guard isRegular, !carry.isEmpty else { return [] }
    var placed: [Placed] = []
    place(store.seam(carry), chunkCount, &placed)
    return placed
  }

  private mutating func append(_ bytes: UnsafeRawBufferPointer, of chunk: UInt32, from offset: UInt32) {
    guard !bytes.isEmpty else { return }
    carrySources.append(ArchiveAssembly.Source(start: UInt32(carry.count), chunk: chunk, offset: offset))
    carry.append(contentsOf: bytes)
  }

  private mutating func place(_ seam: LoadedBlock, _ chunk: UInt32, _ placed: inout [Placed]) {
    guard seam.block.isRegular, seam.block.tail.isEmpty else { return isRegular = false }
    place(
      seam, ArchiveAssembly.Part(.seam(seam), firstItem: itemCount, chunk: chunk, sources: carrySources), &placed)
  }

  private mutating func place(_ loaded: LoadedBlock, _ part: ArchiveAssembly.Part, _ placed: inout [Placed]) {
    let count = loaded.block.itemCount
    guard isRegular, count > 0 else { return }
    guard Int(itemCount) + count < BlockChain.maximumItems else { return isRegular = false }
    itemCount += UInt32(count)
    placed.append((part, loaded))
  }
}
