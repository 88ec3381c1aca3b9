/// One chunk of an item: its id, its plaintext size and the size of its stored envelope, in bytes.
///
/// `storedSize` can be 0 in archives that were made without a synchronised cache.
public struct ChunkListEntry: Hashable, Sendable {
  public var id: ChunkID
  public var size: UInt32
  public var storedSize: UInt32

  @inlinable public init(id: ChunkID, size: UInt32, storedSize: UInt32) {
    self.id = id
    self.size = size
    self.storedSize = storedSize
  }
}
