import BorgFormat

/// The chunks cache's table without its lock: what `ChunkIndex.withTable` hands out.
///
/// A count of `HashIndex.maximumValue` is sticky: it neither grows nor shrinks, so such a chunk is never deleted.
public struct ChunkTable: ~Copyable {
  private var index: HashIndex
  /// Whether anything was changed since the table was loaded or saved.
  public private(set) var isModified = false

  init() {
    index = HashIndex(valueWords: 3)
  }

  init(_ index: consuming HashIndex) {
    self.index = index
  }

  public var count: Int { index.count }

  public subscript(id: ChunkID) -> ChunkIndex.Entry? {
    index[id].map(ChunkIndex.Entry.init)
  }

  /// Whether all of `ids` are known: a files cache entry may be used only then.
  public func containsAll(_ ids: [ChunkID]) -> Bool {
    for id in ids where index[id] == nil { return false }
    return true
  }

  /// Adds one reference if the chunk is known; returns its entry after that.
  public mutating func addReference(_ id: ChunkID) -> ChunkIndex.Entry? {
    guard let value = index.addToFirst(id, 1) else { return nil }
    isModified = true
    return ChunkIndex.Entry(value)
  }

  /// The same for a chunk whose plain size the caller knows: an entry without a size (--no-cache-sync) learns it.
  public mutating func addReference(_ id: ChunkID, size: UInt32) -> ChunkIndex.Entry? {
    guard var entry = addReference(id) else { return nil }
    if entry.size == 0, size != 0 {
      entry.size = size
      index.set(id, entry.words)
    }
    return entry
  }

  /// Adds a new chunk, or one reference to a known one (then the sizes stay).
  public mutating func insert(_ id: ChunkID, size: UInt32, storedSize: UInt32) {
    if addReference(id) == nil { set(id, ChunkIndex.Entry(references: 1, size: size, storedSize: storedSize)) }
  }

  /// Puts or replaces an entry as it is.
  public mutating func set(_ id: ChunkID, _ entry: ChunkIndex.Entry) {
    isModified = true
    index.set(id, entry.words)
  }

  /// Drops one reference; at none the entry goes. Nil: unknown. Returns the entry after that (0 references: gone).
  public mutating func removeReference(_ id: ChunkID) -> ChunkIndex.Entry? {
    guard var entry = self[id] else { return nil }
    if entry.references >= HashIndex.maximumValue { return entry }
    isModified = true
    if entry.references > 1 {
      entry.references -= 1
      index.set(id, entry.words)
    } else {
      entry.references = 0
      index.remove(id)
    }
    return entry
  }

  public func summary() -> ChunkIndex.Summary {
    var summary = ChunkIndex.Summary()
    index.forEach { _, value in
      let references = Int64(value.0)
      summary.totalSize &+= references &* Int64(value.1)
      summary.totalStoredSize &+= references &* Int64(value.2)
      summary.uniqueSize &+= Int64(value.1)
      summary.uniqueStoredSize &+= Int64(value.2)
      summary.uniqueChunks += 1
      summary.totalChunks &+= references
    }
    return summary
  }

  /// Takes another table in place of this one: after a resync.
  mutating func replace(with index: consuming HashIndex) {
    self.index = index
    isModified = true
  }

  /// The table as file bytes, to be written while the lock is held.
  func withFileBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try index.withFileBytes(body)
  }

  mutating func markSaved() { isModified = false }
}

extension ChunkIndex.Entry {
  init(_ words: (UInt32, UInt32, UInt32)) {
    self.init(references: words.0, size: words.1, storedSize: words.2)
  }

  var words: (UInt32, UInt32, UInt32) { (references, size, storedSize) }
}
