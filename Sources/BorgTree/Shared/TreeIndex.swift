import BorgFormat

/// Where blocks, assemblies of archives and what searches saw outlive the process. Nothing depends on what it holds; it
/// may drop whatever it is given. Thread-safe.
public protocol TreeIndex: Sendable {
  /// The key of the hashes in what is kept.
  var hashKey: (UInt64, UInt64) { get }
  func load(_ kind: IndexRecordKind, _ id: ChunkID) -> [UInt8]?
  /// Whether there seems to be such a record: it may still be of no use.
  func contains(_ kind: IndexRecordKind, _ id: ChunkID) -> Bool
  /// How many bytes of records it keeps; 0: nothing that it is given from now on.
  var keptBytes: Int { get }
  func keep(_ bytes: [UInt8], _ kind: IndexRecordKind, _ id: ChunkID)
  /// What was loaded is of no use.
  func discard(_ kind: IndexRecordKind, _ id: ChunkID)
}

/// What there can be under an id.
public enum IndexRecordKind: UInt8, Sendable {
  /// The block of a metadata chunk, by the chunk's id.
  case block = 1
  /// The parts of an archive's stream, by the archive's id.
  case chain = 2
  /// An archive's directories, by the archive's id.
  case directories = 3
  /// What searches saw in some parts, by a random id.
  case seenSegment = 4
  /// All such segments, and the archives made of their parts.
  case seenCatalog = 5
}
