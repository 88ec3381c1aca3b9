/// Where to look for an id in a `BORG_IDX` file with two value words that is not in memory (repository.md section 9).
public struct BucketSearch: Sendable {
  public let bucketCount: Int
  private let modulus: FastModulus

  private static let empty: UInt32 = 0xFFFF_FFFF

  /// `header`: the first `HashIndex.headerSize` bytes of the file. Throws `FormatError`.
  public init(fileSize: Int, header: UnsafeRawBufferPointer) throws {
    bucketCount = try HashTable.bucketCount(fileSize: fileSize, valueWords: 2)
    _ = try HashTable.checkHeader(header, fileSize: fileSize, valueWords: 2)
    modulus = FastModulus(UInt32(bucketCount))
  }

  /// The number of the bucket that the search for an id begins with. After the last bucket comes the first.
  public func firstBucket(for id: ChunkID) -> Int { modulus.remainder(id.probeStart) }

  public enum Outcome: Equatable, Sendable {
    case found(segment: UInt32, offset: UInt32)
    /// The id is not in the file.
    case absent
    /// It may be in one of the next buckets.
    case open
  }

  /// Looks through whole buckets that follow one another.
  public func look(for id: ChunkID, in buckets: UnsafeRawBufferPointer) -> Outcome {
    for start in stride(from: 0, through: buckets.count - LocationTable.bucketSize, by: LocationTable.bucketSize) {
      let segment = UInt32(littleEndian: buckets.loadUnaligned(fromByteOffset: start + 32, as: UInt32.self))
      if segment == BucketSearch.empty { return .absent }
      let bucket = UnsafeRawBufferPointer(rebasing: buckets[start..<start + ChunkID.byteCount])
      guard segment <= HashIndex.maximumValue, ChunkID(loading: bucket) == id else { continue }
      let offset = UInt32(littleEndian: buckets.loadUnaligned(fromByteOffset: start + 36, as: UInt32.self))
      return .found(segment: segment, offset: offset)
    }
    return .open
  }
}
