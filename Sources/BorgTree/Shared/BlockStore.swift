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
/// of bytes they stay; those that were not used for longest are given up, and taken from the source's index or made again
/// when they are needed. Thread-safe.
public final class BlockStore: Sendable {
  let hash: NameHash
  let source: any TreeSource
  let options: TreeOptions
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

    mutating func number(of id: ChunkID, start: Int) -> UInt32 {
      if let number = numbers[id] { return number }
      let number = UInt32(places.count)
      places.append(Place(id: id, start: start, block: nil))
      numbers[id] = number
      return number
    }
  }

  public init(_ source: any TreeSource, options: TreeOptions) {
    self.source = source
    self.options = options
    hash = source.index.map { NameHash(key: $0.hashKey) } ?? NameHash()
    maximumBytes = source.metadataBytes
  }

  /// Whether trees with these options can be put together from blocks.
  static func serves(_ options: TreeOptions) -> Bool { options.strippedComponents == 0 && !options.showsPartFiles }

  var byteCount: Int { state.withLock { $0.byteCount + $0.seamBytes } }
  /// How many blocks were made of chunks so far, those that had been given up included.
  var madeCount: Int { state.withLock { $0.madeCount } }

  /// The number of a chunk whose block there is, here or in the index.
  func number(of id: ChunkID) -> UInt32? {
    if let number = state.withLock({ $0.numbers[id] }) { return number }
    return kept(id).map { place($0, of: id) }
  }

  /// The number of a chunk's block that may still have to be had. `start`: where the chunk's first item begins.
  func number(of id: ChunkID, start: UInt32) -> UInt32 { state.withLock { $0.number(of: id, start: Int(start)) } }

  /// What tells where the block with a number is to be had.
  func origin(of number: UInt32) -> (id: ChunkID, start: UInt32) {
    let place = state.withLock { $0.places[Int(number)] }
    return (place.id, UInt32(place.start))
  }

  /// The block with a number that was given out.
  func block(_ number: UInt32) throws(TreeError) -> LoadedBlock {
    let place = state.withLock { state in
      state.places[Int(number)].wasUsed = true
      return state.places[Int(number)]
    }
    if let block = place.block { return block }
    if let block = kept(place.id), Int(block.header.headLength) == place.start { return keep(load(block), at: number) }
    let chunk = try source.streamChunk(place.id)
    let block = chunk.withUnsafeBytes { build($0, from: place.start) }
    source.index?.keep(block.imageBytes, .block, place.id)
    return keep(load(block), at: number)
  }

  /// Keeps the block of a chunk that was not known; returns its number.
  func add(_ block: MetadataBlock, of id: ChunkID) -> UInt32 {
    source.index?.keep(block.imageBytes, .block, id)
    return place(block, of: id)
  }

  /// The block that the index has of a chunk.
  private func kept(_ id: ChunkID) -> MetadataBlock? {
    guard let image = source.index?.load(.block, id) else { return nil }
    let block = MetadataBlock(image: image)
    if block == nil { source.index?.discard(.block, id) }
    return block
  }

  private func place(_ block: MetadataBlock, of id: ChunkID) -> UInt32 {
    let number = number(of: id, start: block.header.headLength)
    _ = keep(load(block), at: number)
    return number
  }

  private func keep(_ block: LoadedBlock, at number: UInt32) -> LoadedBlock {
    state.withLock { keep(block, at: Int(number), &$0) }
    return block
  }

  /// The block of the items that lie between two chunks' blocks, made by `make` when it is not known.
  func seam(between first: UInt32, and second: UInt32, _ make: () -> MetadataBlock) -> LoadedBlock {
    let key = UInt64(first) << 32 | UInt64(second)
    if let known = state.withLock({ $0.seams[key] }) { return known }
    let made = load(make())
    state.withLock { state in
      guard state.seams[key] == nil else { return }
      if state.seamBytes > maximumBytes / BlockStore.shareOfSeams { (state.seams, state.seamBytes) = ([:], 0) }
      state.seams[key] = made
      state.seamBytes += made.byteCount
    }
    return made
  }

  /// A block of items that belong to one archive alone.
  func seam(_ block: MetadataBlock) -> LoadedBlock { load(block) }

  /// The block of bytes that were put together.
  func build(_ bytes: [UInt8]) -> MetadataBlock {
    bytes.withUnsafeBytes { build($0, from: 0) }
  }

  /// The block of a chunk whose first item begins at `start`; nil: where one can be seen to begin.
  func build(_ chunk: UnsafeRawBufferPointer, from start: Int? = nil) -> MetadataBlock {
    MetadataBlockBuilder.build(chunk, from: start, hash: hash, source: source)
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
    let owners = (0..<Int(block.header.ownerCount)).map { shown(block.owner($0)) { block.bytes($0, $1) } }
    return LoadedBlock(block, owners)
  }

  /// An owner as it is shown. `bytes`: what lies where its names are said to.
  func shown(
    _ owner: BlockOwner, _ bytes: (_ start: UInt32, _ length: UInt32) -> UnsafeRawBufferPointer
  ) -> (uid: UInt32, gid: UInt32) {
    func id(
      _ forced: UInt32?, _ id: Int64, _ start: UInt32, _ length: UInt32, _ other: UInt32,
      _ lookup: (UnsafeRawBufferPointer) -> UInt32?
    ) -> UInt32 {
      if let forced { return forced }
      if length != BlockOwner.none, length > 0, let found = lookup(bytes(start, length)) { return found }
      return UInt32(exactly: id) ?? other
    }
    return (
      uid: id(options.forcedUID, owner.uid, owner.userStart, owner.userLength, options.uid, source.userID),
      gid: id(options.forcedGID, owner.gid, owner.groupStart, owner.groupLength, options.gid, source.groupID)
    )
  }
}
