import BorgFormat
import BorgSystem

/// `index.N` searched where it lies, for whoever wants a few objects of a large repository: the table of a million objects
/// takes longer to read than all else that a mount does before its first listing.
///
/// What is found was not verified: reading the object shows whether it is true. What is not found may be there.
struct SearchedIndexFile {
  private let file: File
  private let search: BucketSearch
  private let clock: Clock
  /// Nanoseconds that may still be spent.
  private var rest: Int64
  private var buffer = [UInt8](repeating: 0, count: bucketsAtOnce * LocationTable.bucketSize)

  /// When the file is searched, and what tells how long that takes.
  struct Conditions {
    /// Smaller files are read sooner than they are searched a few times, in bytes.
    var leastSize = 4 << 20
    var clock = Clock.system
  }

  private static let bucketsAtOnce = 64
  /// Hash values do not crowd so that more is needed.
  private static let maximumReads = 8
  /// Of reading the whole file, in order and from memory: on a disk that seeks, a few searches take longer than that.
  private static let nanosecondsPerByte: Int64 = 1

  /// Nil: the file is too small. Throws `FormatError`.
  init?(_ file: File, _ conditions: Conditions = Conditions()) throws {
    let size = try Int(clamping: file.size())
    guard size >= conditions.leastSize else { return nil }
    self.file = file
    clock = conditions.clock
    rest = Int64(size) * SearchedIndexFile.nanosecondsPerByte
    var header = [UInt8](repeating: 0, count: HashIndex.headerSize)
    let count = try header.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
    guard count == header.count else { throw FormatError("hash index: file has a wrong length") }
    search = try header.withUnsafeBytes { try BucketSearch(fileSize: size, header: $0) }
  }

  /// Where an object seems to be. Nil: that is not known, and it never is once searching has taken as long as reading
  /// the whole file does.
  mutating func find(_ id: ChunkID) -> EntryLocation? {
    guard rest > 0 else { return nil }
    let began = clock.monotonic()
    defer { rest -= clock.monotonic() - began }
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
