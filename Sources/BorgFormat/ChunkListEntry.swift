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

  /// Whether it may be part of a hole, which is stored as nothing but zeros: it has a size that holes are cut into, or
  /// takes next to no space. What is smaller than a page is no hole.
  @inlinable public var mayBeHole: Bool {
    guard size >= 4096, size <= 32 << 20 else { return false }
    return size & 0xFFFF == 0 || size & (size - 1) == 0 || (storedSize > 0 && storedSize <= size / 64 + 128)
  }
}
