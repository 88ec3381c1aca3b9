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
/// when they are needed. Where there is an index, few of those stay that are only passed on the way through a stream.
/// Thread-safe.
public final class BlockStore: Sendable {
  let hash: NameHash
  let source: any TreeSource
  let options: TreeOptions
  private let maximumBytes: Int
  private let state = Mutex(State())

  private static let shareOfSeams = 8
  private static let shareOfPassed = 8
  private static let mostPassedBytes = 2 << 20

  private struct Place {
    var id: ChunkID
    /// Where the chunk's first item begins.
    var start: Int
    var block: LoadedBlock?
    var wasUsed = true
    /// Nothing was looked up in the block since it came here.
    var isPassed = false
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
    /// Blocks that were only passed when they came here, the oldest first; some were looked at since.
    var passed: ArraySlice<UInt32> = []
    var passedBytes = 0

    mutating func number(of id: ChunkID, start: Int) -> UInt32 {
      if let number = numbers[id] { return number }
      let number = UInt32(places.count)
      places.append(Place(id: id, start: start, block: nil))
      numbers[id] = number
      return number
    }

    /// A block that was passed stays as long as others do.
    mutating func stay(_ number: Int) {
      guard places[number].isPassed else { return }
      places[number].isPassed = false
      passedBytes -= places[number].block?.byteCount ?? 0
    }

    mutating func giveUp(_ number: Int) {
      guard let block = places[number].block else { return }
      stay(number)
      byteCount -= block.byteCount
      places[number].block = nil
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

  /// Whether there seems to be a chunk's block, here or in the index.
  func isKnown(_ id: ChunkID) -> Bool {
    state.withLock { $0.numbers[id] != nil } || source.index?.contains(.block, id) ?? false
  }

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

  /// The block with a number that was given out. `passing`: nothing will be looked up in it.
  func block(_ number: UInt32, passing: Bool = false) throws(TreeError) -> LoadedBlock {
    let place = state.withLock { state in
      state.places[Int(number)].wasUsed = true
      if !passing { state.stay(Int(number)) }
      return state.places[Int(number)]
    }
    if let block = place.block { return block }
    if let block = kept(place.id), Int(block.header.headLength) == place.start {
      return keep(load(block), at: number, passing: passing)
    }
    let chunk = try source.streamChunk(place.id)
    let block = chunk.withUnsafeBytes { build($0, from: place.start) }
    source.index?.keep(block.imageBytes, .block, place.id)
    return keep(load(block), at: number, passing: passing)
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
    _ = keep(load(block), at: number, passing: true)
    return number
  }

  private func keep(_ block: LoadedBlock, at number: UInt32, passing: Bool) -> LoadedBlock {
    state.withLock { state in
      state.madeCount += 1
      if !passing { state.stay(Int(number)) }
      guard state.places[Int(number)].block == nil else { return }
      state.places[Int(number)].block = block
      state.places[Int(number)].wasUsed = true
      state.byteCount += block.byteCount
      if passing { pass(block, at: number, &state) }
      makeRoom(beside: Int(number), &state)
    }
    return block
  }

  /// How many bytes of blocks that are only passed stay.
  private var maximumPassedBytes: Int {
    let isKept = (source.index?.keptBytes ?? 0) >= maximumBytes
    return isKept ? min(maximumBytes / BlockStore.shareOfPassed, BlockStore.mostPassedBytes) : maximumBytes
  }

  /// Gives up those that were passed before the last ones.
  private func pass(_ block: LoadedBlock, at number: UInt32, _ state: inout State) {
    state.places[Int(number)].isPassed = true
    state.passed.append(number)
    state.passedBytes += block.byteCount
    let maximumPassedBytes = maximumPassedBytes
    while let oldest = state.passed.first, oldest != number {
      guard state.passedBytes > maximumPassedBytes || !state.places[Int(oldest)].isPassed else { return }
      state.passed.removeFirst()
      if state.places[Int(oldest)].isPassed { state.giveUp(Int(oldest)) }
    }
  }

  /// Gives up those that were not used for longest.
  private func makeRoom(beside number: Int, _ state: inout State) {
    var patience = state.places.count * 2
    while state.byteCount > maximumBytes, patience > 0 {
      patience -= 1
      state.hand = (state.hand + 1) % state.places.count
      if state.hand == number { continue }
      if state.places[state.hand].wasUsed {
        state.places[state.hand].wasUsed = false
      } else {
        state.giveUp(state.hand)
      }
    }
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
