/// Where an item's bytes lie in its archive's item stream: stream chunks from `firstChunk` on, beginning at `offset`
/// in the first of them, `length` bytes in all.
public struct ItemLocation: Sendable, Equatable, BitwiseCopyable {
  public var firstChunk: UInt32
  public var offset: UInt32
  public var length: UInt32

  @inlinable public init(firstChunk: UInt32, offset: UInt32, length: UInt32) {
    self.firstChunk = firstChunk
    self.offset = offset
    self.length = length
  }
}

/// What a tree needs to know of an item: name, stat fields and where the rest is. `ItemScanner` skims it from the
/// item stream without decoding the rest; what points to the stream's bytes is only valid during the call that
/// hands it over.
public struct ItemSummary {
  public var path: UnsafeRawBufferPointer
  public var mode: UInt32
  public var uid: Int64
  public var gid: Int64
  /// Base nil: no name stored.
  public var user: UnsafeRawBufferPointer
  public var group: UnsafeRawBufferPointer
  public var mtime: Int64
  public var ctime: Int64?
  public var atime: Int64?
  public var size: Int64
  public var rdev: UInt64
  /// Base nil: not stored.
  public var source: UnsafeRawBufferPointer
  public var hasChunks: Bool
  public var hasHealthyChunks: Bool
  /// Nil: not stored.
  public var hardlinkMaster: Bool?
  public var attributeKinds: AttributeKinds
  public var isPart: Bool
  /// A hash over the ordered chunk ids, 0 for none: tells versions of a file apart.
  public var contentHash: UInt64
  /// The list of chunks as it is stored, for `ItemCodec.chunkList`, when one of them may be part of a hole; base nil: none
  /// may.
  public var chunksWithHoles: UnsafeRawBufferPointer
  /// Of `size`: in holes. Of what was skimmed 0, since ids must be known to tell.
  public var holeBytes: Int64
  public var location: ItemLocation

  @inlinable public init(path: UnsafeRawBufferPointer, location: ItemLocation) {
    self.path = path
    mode = 0
    uid = 0
    gid = 0
    user = UnsafeRawBufferPointer(start: nil, count: 0)
    group = UnsafeRawBufferPointer(start: nil, count: 0)
    mtime = 0
    ctime = nil
    atime = nil
    size = 0
    rdev = 0
    source = UnsafeRawBufferPointer(start: nil, count: 0)
    hasChunks = false
    hasHealthyChunks = false
    hardlinkMaster = nil
    attributeKinds = []
    isPart = false
    contentHash = 0
    chunksWithHoles = UnsafeRawBufferPointer(start: nil, count: 0)
    holeBytes = 0
    self.location = location
  }
}
