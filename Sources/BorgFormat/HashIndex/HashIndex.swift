/// Borg's hash table file `BORG_IDX` in memory, in its own file layout (repository.md section 9, caches.md section 4):
/// 32-byte ids to `valueWords` little-endian UInt32 values, open addressing, linear probing.
///
/// The first value word doubles as the marker: 0xffffffff empty, 0xfffffffe deleted. Not thread-safe. The table's
/// storage is one block in file layout, so that loading and saving are one read and one write.
///
/// There is always an empty bucket: `insert` and loading see to it, and every search ends there at the latest.
public struct HashIndex: ~Copyable {
  public typealias Value = (UInt32, UInt32, UInt32)

  public static let headerSize = 18
  /// The largest first value word that is no marker.
  public static let maximumValue: UInt32 = 0xFFFF_FBFF

  /// The number of entries.
  public private(set) var count = 0
  private var table: HashTable
  /// Buckets that were never used.
  private var emptyCount: Int

  /// For how many entries to have room beforehand where somebody else says how many there will be, who can say anything.
  public static func plausibleCapacity(_ claimed: Int) -> Int { min(claimed, 1 << 22) }

  /// A new empty table with room for `capacity` entries. `valueWords` is 2 (repository) or 3 (chunks).
  public init(valueWords: Int, capacity: Int = 1031) {
    self.init(empty: HashTable(bucketCount: HashTableSizes.fitting(capacity), valueWords: valueWords))
  }

  private init(empty table: consuming HashTable) {
    emptyCount = table.bucketCount
    self.table = table
  }

  public var bucketCount: Int { table.bucketCount }
  public var valueWords: Int { table.valueWords }

  public subscript(id: ChunkID) -> Value? {
    guard let bucket = table.find(id) else { return nil }
    return table.value(at: bucket)
  }

  public func contains(_ id: ChunkID) -> Bool { table.find(id) != nil }

  /// Inserts or replaces; the third word is ignored for two-word tables. Grows as Borg does. The first word must not
  /// be above `maximumValue`.
  public mutating func set(_ id: ChunkID, _ value: Value) {
    precondition(value.0 <= Self.maximumValue)
    if let bucket = table.find(id) { return table.setValue(value, at: bucket) }
    insert(id, value)
  }

  /// One probe for "add one reference": adds `delta` to the first word if the id is present (saturating at
  /// `maximumValue`, which is sticky); returns the new value or nil when absent.
  public mutating func addToFirst(_ id: ChunkID, _ delta: UInt32) -> Value? {
    guard let bucket = table.find(id) else { return nil }
    var value = table.value(at: bucket)
    value.0 = Self.saturatedSum(value.0, delta)
    table.setValue(value, at: bucket)
    return value
  }

  /// Adds another table's entry as Borg merges chunk indexes: references add up (saturating), the other words are
  /// those of the last merged.
  public mutating func merge(_ id: ChunkID, _ value: Value) {
    guard let bucket = table.find(id) else { return insert(id, (min(value.0, Self.maximumValue), value.1, value.2)) }
    let references = Self.saturatedSum(table.value(at: bucket).0, value.0)
    table.setValue((references, value.1, value.2), at: bucket)
  }

  @discardableResult public mutating func remove(_ id: ChunkID) -> Bool {
    guard let bucket = table.find(id) else { return false }
    table.markDeleted(bucket)
    count -= 1
    if count < HashTableSizes.lowerLimit(bucketCount) {
      rebuild(bucketCount: HashTableSizes.smaller(than: bucketCount))
    }
    return true
  }

  /// Entries in bucket order.
  public func forEach(_ body: (ChunkID, Value) throws -> Void) rethrows {
    for bucket in 0..<bucketCount where table.isUsed(bucket) {
      try body(table.id(at: bucket), table.value(at: bucket))
    }
  }

  /// Up to `limit` ids in bucket order after `marker`'s bucket; nil when the marker is unknown.
  public func ids(after marker: ChunkID?, limit: Int) -> [ChunkID]? {
    var bucket = 0
    if let marker {
      guard let found = table.find(marker) else { return nil }
      bucket = found + 1
    }
    var ids: [ChunkID] = []
    while bucket < bucketCount, ids.count < limit {
      if table.isUsed(bucket) { ids.append(table.id(at: bucket)) }
      bucket += 1
    }
    return ids
  }

  private mutating func insert(_ id: ChunkID, _ value: Value) {
    if count > HashTableSizes.upperLimit(bucketCount) {
      rebuild(bucketCount: HashTableSizes.larger(than: bucketCount))
    }
    var bucket = table.free(for: id)
    if table.isEmpty(bucket) {
      emptyCount -= 1
      if emptyCount <= HashTableSizes.leastEmpty(bucketCount) {
        rebuild(bucketCount: bucketCount)
        bucket = table.free(for: id)
        emptyCount -= 1
      }
    }
    table.set(id, value, at: bucket)
    count += 1
  }

  /// Moves the entries in bucket order to a table without deleted buckets, which has room for one more.
  private mutating func rebuild(bucketCount: Int) {
    var size = bucketCount
    while count + 1 >= size { size = HashTableSizes.larger(than: size) }
    let fresh = HashTable(bucketCount: size, valueWords: valueWords)
    fresh.addAll(of: table)
    emptyCount = size - count
    table = fresh
  }

  private static func saturatedSum(_ references: UInt32, _ delta: UInt32) -> UInt32 {
    let (sum, overflow) = references.addingReportingOverflow(delta)
    return overflow ? maximumValue : min(sum, maximumValue)
  }
}

// MARK: - Files

extension HashIndex {
  /// Validates header, length, counts. Throws `FormatError`.
  public init(decoding file: [UInt8], valueWords: Int) throws {
    try file.withUnsafeBytes { try HashTable.checkHeader($0, valueWords: valueWords) }
    try self.init(fileSize: file.count, valueWords: valueWords) { $0.copyBytes(from: file) }
  }

  /// Like `init(decoding:)`, with `read` filling the table's own block of `fileSize` bytes.
  public init(
    fileSize: Int, valueWords: Int, reading read: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let bucketCount = try HashTable.bucketCount(fileSize: fileSize, valueWords: valueWords)
    let table = HashTable(uninitialized: bucketCount, valueWords: valueWords)
    try read(table.file)
    try HashTable.checkHeader(UnsafeRawBufferPointer(table.file), valueWords: valueWords)
    let (used, empty) = table.census()
    self.init(empty: table)
    count = used
    emptyCount = empty
    if empty < max(1, HashTableSizes.leastEmpty(bucketCount)) { rebuild(bucketCount: bucketCount) }
  }

  /// The file's bytes: 18-byte header, then the buckets.
  public func withFileBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    table.writeHeader(entryCount: count)
    return try body(UnsafeRawBufferPointer(table.file))
  }

  /// The compact form of chunks.archive.d: every bucket used, not for lookup.
  public func compactFile() -> [UInt8] {
    let compact = HashTable(bucketCount: max(count, 1), valueWords: valueWords)
    var bucket = 0
    forEach { id, value in
      compact.set(id, value, at: bucket)
      bucket += 1
    }
    compact.writeHeader(entryCount: count)
    return [UInt8](compact.file)
  }

  public init(decodingCompact file: [UInt8], valueWords: Int) throws {
    let capacity = file.count / (ChunkID.byteCount + 4 * valueWords)
    self.init(valueWords: valueWords, capacity: capacity + capacity / 3)
    try mergeCompact(file)
  }

  /// Merges the entries of a compact file. Throws `FormatError` before it changes anything.
  public mutating func mergeCompact(_ file: [UInt8]) throws {
    let words = valueWords
    let bucketCount = try HashTable.bucketCount(fileSize: file.count, valueWords: words)
    let other = HashTable(uninitialized: bucketCount, valueWords: words)
    other.file.copyBytes(from: file)
    try HashTable.checkHeader(UnsafeRawBufferPointer(other.file), valueWords: words)
    for bucket in 0..<bucketCount where other.isUsed(bucket) { merge(other.id(at: bucket), other.value(at: bucket)) }
  }
}

extension HashIndex: @unchecked Sendable {
  // The table's block has this one owner, so it may move to another thread with it.
}
