/// One block of memory in the layout of a `BORG_IDX` file, and how buckets are found in it.
///
/// The buckets lie on a 16-byte boundary. All arguments called `bucket` are numbers below `bucketCount`.
struct HashTable: ~Copyable {
  private static let magic = Array("BORG_IDX".utf8)
  private static let padding = 32 - HashIndex.headerSize
  static let emptyMarker: UInt32 = 0xFFFF_FFFF
  private static let deletedMarker: UInt32 = 0xFFFF_FFFE

  let bucketCount: Int
  let valueWords: Int
  private let stride: Int
  private let buckets: UnsafeMutableRawPointer
  private let modulus: FastModulus

  init(bucketCount: Int, valueWords: Int) {
    self.init(uninitialized: bucketCount, valueWords: valueWords)
    file.initializeMemory(as: UInt8.self, repeating: 0)
    for bucket in 0..<bucketCount { setMarker(Self.emptyMarker, at: bucket) }
  }

  /// The block's bytes are still to be filled.
  init(uninitialized bucketCount: Int, valueWords: Int) {
    precondition(valueWords == 2 || valueWords == 3)
    precondition(bucketCount > 0 && bucketCount <= Int(Int32.max))
    self.bucketCount = bucketCount
    self.valueWords = valueWords
    stride = ChunkID.byteCount + 4 * valueWords
    let block = UnsafeMutableRawPointer.allocate(byteCount: 32 + bucketCount * stride, alignment: 16)
    buckets = block + 32
    modulus = FastModulus(UInt32(bucketCount))
  }

  deinit {
    (buckets - 32).deallocate()
  }

  /// Header and buckets.
  var file: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: buckets - HashIndex.headerSize, count: HashIndex.headerSize + bucketCount * stride)
  }

  func id(at bucket: Int) -> ChunkID {
    ChunkID(loading: UnsafeRawBufferPointer(start: buckets + bucket * stride, count: ChunkID.byteCount))
  }

  func value(at bucket: Int) -> HashIndex.Value {
    let value = buckets + bucket * stride + ChunkID.byteCount
    return (Self.load(value), Self.load(value + 4), valueWords == 3 ? Self.load(value + 8) : 0)
  }

  func setValue(_ value: HashIndex.Value, at bucket: Int) {
    let target = buckets + bucket * stride + ChunkID.byteCount
    Self.store(value.0, target)
    Self.store(value.1, target + 4)
    if valueWords == 3 { Self.store(value.2, target + 8) }
  }

  func set(_ id: ChunkID, _ value: HashIndex.Value, at bucket: Int) {
    id.store(into: UnsafeMutableRawBufferPointer(start: buckets + bucket * stride, count: ChunkID.byteCount))
    setValue(value, at: bucket)
  }

  func isUsed(_ bucket: Int) -> Bool { marker(at: bucket) < Self.deletedMarker }
  func isEmpty(_ bucket: Int) -> Bool { marker(at: bucket) == Self.emptyMarker }
  /// The bucket keeps its id, as Borg leaves it.
  func markDeleted(_ bucket: Int) { setMarker(Self.deletedMarker, at: bucket) }

  /// The bucket that holds `id`. At least one bucket must be empty.
  @inline(__always)
  func find(_ id: ChunkID) -> Int? {
    let end = buckets + bucketCount * stride
    var bucket = buckets + modulus.remainder(id.probeStart) * stride
    while true {
      let marker = Self.load(bucket + ChunkID.byteCount)
      if marker == Self.emptyMarker { return nil }
      if bucket.loadUnaligned(as: UInt64.self) == UInt64(littleEndian: id.words.0), marker != Self.deletedMarker,
        ChunkID(loading: UnsafeRawBufferPointer(start: bucket, count: ChunkID.byteCount)) == id
      {
        return (bucket - buckets) / stride
      }
      bucket += stride
      if bucket == end { bucket = buckets }
    }
  }

  /// Where an unknown `id` goes: the first deleted or empty bucket on its way. At least one bucket must be empty.
  func free(for id: ChunkID) -> Int {
    var bucket = modulus.remainder(id.probeStart)
    while isUsed(bucket) { bucket = bucket + 1 == bucketCount ? 0 : bucket + 1 }
    return bucket
  }

  /// Copies the used buckets of another table of the same kind, in their order. They must fit and be new here.
  func addAll(of other: borrowing HashTable) {
    precondition(other.valueWords == valueWords)
    for bucket in 0..<other.bucketCount where other.isUsed(bucket) {
      let source = other.buckets + bucket * stride
      let start = UInt32(littleEndian: source.loadUnaligned(as: UInt32.self))
      var target = modulus.remainder(start)
      while isUsed(target) { target = target + 1 == bucketCount ? 0 : target + 1 }
      (buckets + target * stride).copyMemory(from: source, byteCount: stride)
    }
  }

  /// How many buckets are in use and how many never were.
  func census() -> (used: Int, empty: Int) {
    var used = 0
    var empty = 0
    for bucket in 0..<bucketCount {
      let marker = marker(at: bucket)
      if marker < Self.deletedMarker { used += 1 } else if marker == Self.emptyMarker { empty += 1 }
    }
    return (used, empty)
  }

  private func marker(at bucket: Int) -> UInt32 { Self.load(buckets + bucket * stride + ChunkID.byteCount) }

  private func setMarker(_ marker: UInt32, at bucket: Int) {
    Self.store(marker, buckets + bucket * stride + ChunkID.byteCount)
  }

  @inline(__always)
  private static func load(_ source: UnsafeMutableRawPointer) -> UInt32 {
    UInt32(littleEndian: source.loadUnaligned(as: UInt32.self))
  }

  @inline(__always)
  private static func store(_ word: UInt32, _ target: UnsafeMutableRawPointer) {
    target.storeBytes(of: word.littleEndian, as: UInt32.self)
  }
}

// MARK: - Header

extension HashTable {
  /// Throws `FormatError` when no table has a file of this size.
  static func bucketCount(fileSize: Int, valueWords: Int) throws -> Int {
    let stride = ChunkID.byteCount + 4 * valueWords
    let (bucketCount, rest) = (fileSize - HashIndex.headerSize).quotientAndRemainder(dividingBy: stride)
    guard fileSize > HashIndex.headerSize, rest == 0, bucketCount > 0, bucketCount <= Int(Int32.max) else {
      throw FormatError("hash index: file has a wrong length")
    }
    return bucketCount
  }

  /// Throws `FormatError` unless `file` begins with the header of a table that has its length.
  static func checkHeader(_ file: UnsafeRawBufferPointer, valueWords: Int) throws {
    _ = try checkHeader(file, fileSize: file.count, valueWords: valueWords)
  }

  /// How many entries a header promises. Throws `FormatError` unless it is one of a table with a file of this size.
  static func checkHeader(_ file: UnsafeRawBufferPointer, fileSize: Int, valueWords: Int) throws -> Int {
    let bucketCount = try bucketCount(fileSize: fileSize, valueWords: valueWords)
    guard file.count >= HashIndex.headerSize, file.starts(with: magic) else {
      throw FormatError("hash index: unknown magic")
    }
    guard file[16] == ChunkID.byteCount, file[17] == 4 * valueWords else {
      throw FormatError("hash index: wrong key or value size")
    }
    let entries = Int32(littleEndian: file.loadUnaligned(fromByteOffset: 8, as: Int32.self))
    let buckets = Int32(littleEndian: file.loadUnaligned(fromByteOffset: 12, as: Int32.self))
    guard Int(buckets) == bucketCount else { throw FormatError("hash index: file has a wrong length") }
    guard entries >= 0, entries <= buckets else { throw FormatError("hash index: wrong number of entries") }
    return Int(entries)
  }

  func writeHeader(entryCount: Int) {
    let header = file
    header.copyBytes(from: Self.magic)
    header.storeBytes(of: Int32(entryCount).littleEndian, toByteOffset: 8, as: Int32.self)
    header.storeBytes(of: Int32(bucketCount).littleEndian, toByteOffset: 12, as: Int32.self)
    header[16] = UInt8(ChunkID.byteCount)
    header[17] = UInt8(4 * valueWords)
  }
}

/// Remainders by one divisor with two multiplications instead of a division.
struct FastModulus {
  private let divisor: UInt64
  private let inverse: UInt64

  init(_ divisor: UInt32) {
    self.divisor = UInt64(divisor)
    inverse = UInt64.max / UInt64(divisor) &+ 1
  }

  @inline(__always)
  func remainder(_ value: UInt32) -> Int {
    Int(truncatingIfNeeded: (inverse &* UInt64(value)).multipliedFullWidth(by: divisor).high)
  }
}
