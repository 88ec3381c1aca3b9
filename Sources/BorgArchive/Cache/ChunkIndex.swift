import BorgFormat
import Synchronization

/// Known chunks with reference counts, plain and stored sizes: Borg's chunks cache (caches.md section 4). Thread-safe;
/// whoever asks about many chunks at once takes the lock once with `withTable`.
public final class ChunkIndex: Sendable {
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

  /// What `info` and --stats show of all archives together; sizes in bytes, parts of checkpoints included.
  public struct Summary: Sendable, Equatable {
    public var totalSize: Int64 = 0
    public var totalStoredSize: Int64 = 0
    public var uniqueSize: Int64 = 0
    public var uniqueStoredSize: Int64 = 0
    public var uniqueChunks: Int64 = 0
    public var totalChunks: Int64 = 0

    public init() {}
  }

  private let table: Mutex<ChunkTable>

  public init() {
    table = Mutex(ChunkTable())
  }

  init(_ index: consuming HashIndex) {
    table = Mutex(ChunkTable(index))
  }

  /// Runs `body` on the table under the lock: short work only, and nothing that asks this index again.
  public func withTable<R: Sendable, E: Error>(_ body: (inout ChunkTable) throws(E) -> R) throws(E) -> R {
    try table.withLock { (table) throws(E) -> R in try body(&table) }
  }

  public subscript(id: ChunkID) -> Entry? {
    withTable { $0[id] }
  }

  /// Adds one reference if the chunk is known; returns its entry after that.
  public func addReference(_ id: ChunkID) -> Entry? {
    withTable { $0.addReference(id) }
  }

  /// The same for a chunk whose plain size the caller knows: an entry without a size (--no-cache-sync) learns it.
  public func addReference(_ id: ChunkID, size: UInt32) -> Entry? {
    withTable { $0.addReference(id, size: size) }
  }

  /// Adds a new chunk, or one reference to a known one (then the sizes stay).
  public func insert(_ id: ChunkID, size: UInt32, storedSize: UInt32) {
    withTable { $0.insert(id, size: size, storedSize: storedSize) }
  }

  /// Drops one reference; at none the entry goes. Nil: unknown. Returns the entry after that (0 references: gone).
  public func removeReference(_ id: ChunkID) -> Entry? {
    withTable { $0.removeReference(id) }
  }

  public var count: Int {
    withTable { $0.count }
  }

  public func summary() -> Summary {
    withTable { $0.summary() }
  }
}
