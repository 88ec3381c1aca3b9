/// Borg's hash table file `BORG_IDX` in memory, in its own file layout (repository.md section 9, caches.md section 4):
/// 32-byte ids to `valueWords` little-endian UInt32 values, open addressing, linear probing.
///
/// The first value word doubles as the marker: 0xffffffff empty, 0xfffffffe deleted. Not thread-safe. The table's
/// storage is one block in file layout, so that loading and saving are one read and one write.
public struct HashIndex: ~Copyable {
  public static let headerSize = 18
  /// The largest first value word that is no marker.
  public static let maximumValue: UInt32 = 0xFFFF_FBFF

  /// A new empty table with room for `capacity` entries. `valueWords` is 2 (repository) or 3 (chunks).
  public init(valueWords: Int, capacity: Int = 1031) { fatalError("contract: BorgFormat") }
  /// Validates header, length, counts. Throws `FormatError`.
  public init(decoding file: [UInt8], valueWords: Int) throws { fatalError("contract: BorgFormat") }
  public var count: Int { fatalError("contract: BorgFormat") }
  public var bucketCount: Int { fatalError("contract: BorgFormat") }
  public subscript(id: ChunkID) -> (UInt32, UInt32, UInt32)? { fatalError("contract: BorgFormat") }
  /// Inserts or replaces; the third word is ignored for two-word tables. Grows as Borg does.
  public mutating func set(_ id: ChunkID, _ value: (UInt32, UInt32, UInt32)) { fatalError("contract: BorgFormat") }
  /// One probe for "add one reference": adds `delta` to the first word if the id is present (saturating at
  /// `maximumValue`, which is sticky); returns the new value or nil when absent.
  public mutating func addToFirst(_ id: ChunkID, _ delta: UInt32) -> (UInt32, UInt32, UInt32)? {
    fatalError("contract: BorgFormat")
  }
  @discardableResult public mutating func remove(_ id: ChunkID) -> Bool { fatalError("contract: BorgFormat") }
  /// Entries in bucket order.
  public func forEach(_ body: (ChunkID, (UInt32, UInt32, UInt32)) throws -> Void) rethrows {
    fatalError("contract: BorgFormat")
  }
  /// Up to `limit` ids in bucket order after `marker`'s bucket; nil when the marker is unknown.
  public func ids(after marker: ChunkID?, limit: Int) -> [ChunkID]? { fatalError("contract: BorgFormat") }
  /// The file's bytes: 18-byte header, then the buckets.
  public func withFileBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    fatalError("contract: BorgFormat")
  }
  /// The compact form of chunks.archive.d: every bucket used, not for lookup.
  public func compactFile() -> [UInt8] { fatalError("contract: BorgFormat") }
  public init(decodingCompact file: [UInt8], valueWords: Int) throws { fatalError("contract: BorgFormat") }
}
