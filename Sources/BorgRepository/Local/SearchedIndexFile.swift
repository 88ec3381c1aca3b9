import BorgFormat
import BorgSystem

/// `index.N` searched where it lies, for whoever wants a few objects of a large repository: the table of a million objects
/// takes longer to read than all else that a mount does before its first listing.
///
/// What is found was not verified: reading the object shows whether it is true. What is not found may be there.
struct SearchedIndexFile {
  private let file: File
  private let search: BucketSearch
  private var lookups = 0
  private var buffer = [UInt8](repeating: 0, count: bucketsAtOnce * LocationTable.bucketSize)

  /// Smaller files are read sooner than they are searched a few times.
  static let leastSize = 4 << 20
  /// After so many the whole file, read in order, would not have cost a slow disk more time.
  static let maximumLookups = 128
  private static let bucketsAtOnce = 64
  /// Hash values do not crowd so that more is needed.
  private static let maximumReads = 8

  /// Nil: the file is smaller than `leastSize` bytes. Throws `FormatError`.
  init?(_ file: File, leastSize: Int = SearchedIndexFile.leastSize) throws {
    let size = try Int(clamping: file.size())
    guard size >= leastSize else { return nil }
    self.file = file
    var header = [UInt8](repeating: 0, count: HashIndex.headerSize)
    let count = try header.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    guard count == header.count else { throw FormatError("hash index: file has a wrong length") }
    search = try header.withUnsafeBytes { try BucketSearch(fileSize: size, header: $0) }
  }

  /// Where an object seems to be. Nil: that is not known, and after so many lookups it never is.
  mutating func find(_ id: ChunkID) -> EntryLocation? {
    lookups += 1
    guard lookups <= SearchedIndexFile.maximumLookups else { return nil }
    var bucket = search.firstBucket(for: id)
    for _ in 0..<SearchedIndexFile.maximumReads {
      let count = min(SearchedIndexFile.bucketsAtOnce, search.bucketCount - bucket)
      switch look(for: id, from: bucket, count) {
      case .found(let segment, let offset): return EntryLocation(segment: segment, offset: offset)
      case .absent: return nil
      case .open: bucket = (bucket + count) % search.bucketCount
      }
    }
    return nil
  }

  private mutating func look(for id: ChunkID, from bucket: Int, _ count: Int) -> BucketSearch.Outcome {
    let (wanted, offset) = (
      count * LocationTable.bucketSize, HashIndex.headerSize + bucket * LocationTable.bucketSize
    )
    let outcome = try? buffer.withUnsafeMutableBytes { buffer in
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
      guard try file.read(into: piece, at: Int64(offset)) == wanted else { return BucketSearch.Outcome.absent }
      return search.look(for: id, in: UnsafeRawBufferPointer(piece))
    }
    return outcome ?? .absent
  }
}
