/// An `ItemSummary` in the making.
struct ItemSkim {
  private var summary: ItemSummary
  private var size: Int64?
  private var sizeOfChunks: Int64 = 0

  init(location: ItemLocation) {
    summary = ItemSummary(path: UnsafeRawBufferPointer(start: nil, count: 0), location: location)
  }

  /// Reads one pair of an item's map.
  @inline(__always)
  mutating func readField(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) {
    switch try reader.readItemKey() {
    case .path: summary.path = try reader.readPathBytes()
    case .mode: summary.mode = try reader.readMode()
    case .mtime: summary.mtime = try reader.readTimestamp()
    case .uid: summary.uid = try reader.readInt()
    case .gid: summary.gid = try reader.readInt()
    case .user: summary.user = try optionalName(&reader)
    case .group: summary.group = try optionalName(&reader)
    case .ctime: summary.ctime = try reader.readTimestamp()
    case .atime: summary.atime = try reader.readTimestamp()
    case .chunks: try readChunks(&reader)
    case .chunksHealthy: summary.hasHealthyChunks = try !skipsNil(&reader)
    case .size: size = try reader.readSize()
    case .hardlinkMaster: summary.hardlinkMaster = try reader.readBool()
    case .source: summary.source = try optionalName(&reader)
    case .rdev: summary.rdev = try reader.readDevice()
    case .part: summary.isPart = try isInteger(&reader)
    case .xattrs:
      for _ in 0..<(try reader.readMapHeader()) {
        summary.attributeKinds.formUnion(AttributeKinds(name: try reader.readRaw()))
        try reader.skipValue()
      }
    case .aclAccess, .aclDefault:
      if try !reader.skipNil() {
        summary.attributeKinds.insert(.accessControlList)
        try reader.skipValue()
      }
    case .aclExtended, .aclNFS4, .birthtime, .bsdflags, .unknown: try reader.skipValue()
    }
  }

  /// The summary; old archives hold no size, so it is the sum of the chunks' there.
  func finished() throws(MessagePackReader.Failure) -> ItemSummary {
    guard !summary.path.isEmpty else { throw .malformed("item has no path") }
    var summary = summary
    summary.size = size ?? sizeOfChunks
    return summary
  }

  private mutating func readChunks(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) {
    summary.hasChunks = false
    summary.contentHash = 0
    summary.chunksWithHoles = UnsafeRawBufferPointer(start: nil, count: 0)
    sizeOfChunks = 0
    if try reader.skipNil() { return }
    var hash = ContentHash()
    var total: Int64 = 0
    var mayHaveHoles = false
    let start = reader.offset
    try reader.readChunkList { chunk in
      hash.add(chunk.id)
      total += Int64(chunk.size)
      if chunk.mayBeHole { mayHaveHoles = true }
    }
    if mayHaveHoles { summary.chunksWithHoles = UnsafeRawBufferPointer(rebasing: reader.bytes[start..<reader.offset]) }
    summary.hasChunks = true
    summary.contentHash = hash.value
    sizeOfChunks = total
  }

  /// Base nil when nil is stored; never nil for an empty name.
  private func optionalName(
    _ reader: inout MessagePackReader
  ) throws(MessagePackReader.Failure) -> UnsafeRawBufferPointer {
    try reader.skipNil() ? UnsafeRawBufferPointer(start: nil, count: 0) : try reader.readPathBytes()
  }

  private func skipsNil(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) -> Bool {
    if try reader.skipNil() { return true }
    try reader.readChunkList { _ in }
    return false
  }

  private func isInteger(_ reader: inout MessagePackReader) throws(MessagePackReader.Failure) -> Bool {
    _ = try reader.readInt()
    return true
  }
}

/// A 64-bit mix of an ordered list of chunk ids: equal lists have equal values. Ids are hashes already, so little
/// mixing is enough; never 0.
struct ContentHash {
  private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

  @inline(__always)
  mutating func add(_ id: ChunkID) {
    let words = id.words
    state = Self.fold(state ^ words.0, words.1 ^ 0xe703_7ed1_a0b4_28db)
    state = Self.fold(state ^ words.2, words.3 ^ 0x8ebc_6af0_9c88_c6e3)
  }

  var value: UInt64 { state == 0 ? 1 : state }

  @inline(__always)
  private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let (high, low) = a.multipliedFullWidth(by: b)
    return (high ^ low) &+ 0xa076_1d64_78bd_642f
  }
}
