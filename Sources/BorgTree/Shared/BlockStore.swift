import BorgFormat
import Synchronization

/// A block with its owners as they are shown.
final class LoadedBlock: Sendable {
  let block: MetadataBlock
  let owners: [(uid: UInt32, gid: UInt32)]

  init(_ block: MetadataBlock, _ owners: [(uid: UInt32, gid: UInt32)]) {
    self.block = block
    self.owners = owners
  }

  var byteCount: Int { block.byteCount + owners.count * 8 }
}

/// The blocks of all archives' metadata chunks, each made once, through whichever archive it is reached. Within a bound
/// of bytes they stay; those that were not used for longest are given up and made again when they are needed. Thread-safe.
public final class BlockStore: Sendable {
  let hash = NameHash()
  let source: any TreeSource
  private let options: TreeOptions
  private let maximumBytes: Int
  private let state = Mutex(State())

  private static let shareOfSeams = 8

  private struct Place {
    var id: ChunkID
    /// Where the chunk's first item begins.
    var start: Int
    var block: LoadedBlock?
    var wasUsed = true
  }

  private struct State {
    var places: [Place] = []
    var numbers: [ChunkID: UInt32] = [:]
    /// Blocks of the items that lie across two chunks. They are forgotten all at once when they are many: archives hold
    /// those that they are made of.
    var seams: [UInt64: LoadedBlock] = [:]
    var byteCount = 0
    var seamBytes = 0
    /// Where the search for a block to give up goes on.
    var hand = 0
    var madeCount = 0
  }

  public init(_ source: any TreeSource, options: TreeOptions) {
    self.source = source
    self.options = options
    maximumBytes = source.metadataBytes
  }

  /// Whether trees with these options can be put together from blocks.
  static func serves(_ options: TreeOptions) -> Bool { options.strippedComponents == 0 && !options.showsPartFiles }

  var byteCount: Int { state.withLock { $0.byteCount + $0.seamBytes } }
  /// How many blocks were made of chunks so far, those that had been given up included.
  var madeCount: Int { state.withLock { $0.madeCount } }

  func number(of id: ChunkID) -> UInt32? { state.withLock { $0.numbers[id] } }

  /// The block with a number that was given out.
  func block(_ number: UInt32) throws(TreeError) -> LoadedBlock {
    let place = state.withLock { state in
      state.places[Int(number)].wasUsed = true
      return state.places[Int(number)]
    }
    if let block = place.block { return block }
    let chunk = try source.streamChunk(place.id)
    let made = load(chunk.withUnsafeBytes { MetadataBlock.build($0, from: place.start, hash: hash) })
    state.withLock { keep(made, at: Int(number), &$0) }
    return made
  }

  /// Keeps the block of a chunk that was not known; returns its number.
  func add(_ block: MetadataBlock, of id: ChunkID) -> UInt32 {
    let made = load(block)
    return state.withLock { state in
      if let number = state.numbers[id] { return number }
      let number = UInt32(state.places.count)
      state.places.append(Place(id: id, start: Int(block.header.headLength), block: nil))
      state.numbers[id] = number
      keep(made, at: Int(number), &state)
      return number
    }
  }

  /// The block of the items that lie between two chunks, made of `bytes` when it is not known.
  func seam(between first: UInt32, and second: UInt32, _ bytes: [UInt8]) -> LoadedBlock {
    let key = UInt64(first) << 32 | UInt64(second)
    if let known = state.withLock({ $0.seams[key] }) { return known }
    let made = seam(bytes)
    state.withLock { state in
      guard state.seams[key] == nil else { return }
      if state.seamBytes > maximumBytes / BlockStore.shareOfSeams { (state.seams, state.seamBytes) = ([:], 0) }
      state.seams[key] = made
      state.seamBytes += made.byteCount
    }
    return made
  }

  /// The block of bytes that belong to one archive alone.
  func seam(_ bytes: [UInt8]) -> LoadedBlock {
    load(bytes.withUnsafeBytes { MetadataBlock.build($0, from: 0, hash: hash) })
  }

  private func keep(_ block: LoadedBlock, at number: Int, _ state: inout State) {
    state.madeCount += 1
    guard state.places[number].block == nil else { return }
    state.places[number].block = block
    state.places[number].wasUsed = true
    state.byteCount += block.byteCount
    var patience = state.places.count * 2
    while state.byteCount > maximumBytes, patience > 0 {
      patience -= 1
      state.hand = (state.hand + 1) % state.places.count
      if state.hand == number { continue }
      if state.places[state.hand].wasUsed {
        state.places[state.hand].wasUsed = false
      } else if let old = state.places[state.hand].block {
        state.byteCount -= old.byteCount
        state.places[state.hand].block = nil
      }
    }
  }

  private func load(_ block: MetadataBlock) -> LoadedBlock {
    let owners = (0..<Int(block.header.ownerCount)).map { number in
      let owner = block.owner(number)
      func id(
        _ forced: UInt32?, _ id: Int64, _ start: UInt32, _ length: UInt32, _ other: UInt32,
        _ lookup: (UnsafeRawBufferPointer) -> UInt32?
      ) -> UInt32 {
        if let forced { return forced }
        if length != BlockOwner.none, length > 0, let found = lookup(block.bytes(start, length)) { return found }
        return UInt32(exactly: id) ?? other
      }
      return (
        uid: id(options.forcedUID, owner.uid, owner.userStart, owner.userLength, options.uid, source.userID),
        gid: id(options.forcedGID, owner.gid, owner.groupStart, owner.groupLength, options.gid, source.groupID)
      )
    }
    return LoadedBlock(block, owners)
  }
}

extension MetadataBlock {
  static func build(_ chunk: UnsafeRawBufferPointer, from start: Int?, hash: NameHash) -> MetadataBlock {
    MetadataBlockBuilder.build(chunk, from: start, hash: hash)
  }
}
