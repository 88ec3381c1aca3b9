/// Where to look for an id in a `BORG_IDX` file with two value words that is not in memory (repository.md section 9).
public struct BucketSearch: Sendable {
  public let bucketCount: Int
  private let modulus: FastModulus

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
      let bucket = LocationTable.bucket(in: buckets, at: start)
      if bucket.segment == HashTable.emptyMarker { return .absent }
      guard bucket.segment <= HashIndex.maximumValue, bucket.id == id else { continue }
      return .found(segment: bucket.segment, offset: bucket.offset)
    }
    return .open
  }
}
