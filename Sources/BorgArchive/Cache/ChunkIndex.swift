import BorgFormat

/// Known chunks with reference counts, plain and stored sizes: Borg's chunks cache (caches.md section 4). Thread-safe.
public final class ChunkIndex: @unchecked Sendable {
  public struct Entry: Sendable, Equatable {
    public var references: UInt32
    public var size: UInt32
    public var storedSize: UInt32

    public init(references: UInt32, size: UInt32, storedSize: UInt32) {
      self.references = references
      self.size = size
      self.storedSize = storedSize
    }
  }

  public init() { fatalError("contract: BorgArchive cache") }
  public subscript(id: ChunkID) -> Entry? { fatalError("contract: BorgArchive cache") }
  /// Adds one reference if the chunk is known; returns its entry after that.
  public func addReference(_ id: ChunkID) -> Entry? { fatalError("contract: BorgArchive cache") }
  /// Adds a new chunk, or one reference to a known one (then the sizes stay).
  public func insert(_ id: ChunkID, size: UInt32, storedSize: UInt32) { fatalError("contract: BorgArchive cache") }
  /// Drops one reference; at none the entry goes. Nil: unknown. Returns the entry after that (0 references: gone).
  public func removeReference(_ id: ChunkID) -> Entry? { fatalError("contract: BorgArchive cache") }
  public var count: Int { fatalError("contract: BorgArchive cache") }
  public struct Summary: Sendable, Equatable {
    public var totalSize: Int64 = 0
    public var totalStoredSize: Int64 = 0
    public var uniqueSize: Int64 = 0
    public var uniqueStoredSize: Int64 = 0
    public var uniqueChunks: Int64 = 0
    public var totalChunks: Int64 = 0
    public init() {}
  }
  public func summary() -> Summary { fatalError("contract: BorgArchive cache") }
}
