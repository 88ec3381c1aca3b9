import BorgFormat

/// Reads the entries of a files cache file: `[key, [age, inode, size, cmtime, [chunk id, …]]]`.
enum FilesCacheScanner {
  /// One entry as it stands in the file.
  struct Scan {
    var key: ChunkID
    var valueOffset: Int
    var age: Int64
    var inode: UInt64
    var size: Int64
    var cmtime: Int64
    /// Whether the value can be used where it lies; otherwise `chunks` holds its chunk ids.
    var isCanonical: Bool
    var chunks: [ChunkID]
    var end: Int
  }

  typealias Failure = MessagePackReader.Failure

  /// Bytes of a chunk id with the header that Borg writes.
  static let idWidth = 3 + ChunkID.byteCount
  private static let idHead: UInt8 = 0xda

  /// Reads and validates the entry at `offset`; `.truncated` when the file ends inside it.
  static func scan(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(Failure) -> Scan {
    var reader = MessagePackReader(bytes, offset: offset)
    guard try reader.readArrayHeader() == 2 else { throw .malformed("an entry is no pair") }
    let key = try reader.readID()
    let valueOffset = reader.offset
    guard try reader.readArrayHeader() == 5 else { throw .malformed("an entry has not five fields") }
    let age = try reader.readInt()
    let inode = try reader.readUInt()
    let size = try reader.readInt()
    let (cmtime, isPlain) = try readTime(&reader)
    let arrayOffset = reader.offset
    let isCanonical = try skipsIDs(&reader) && isPlain
    var scan = Scan(
      key: key, valueOffset: valueOffset, age: age, inode: inode, size: size, cmtime: cmtime,
      isCanonical: isCanonical, chunks: [], end: reader.offset)
    if !isCanonical { scan.chunks = try ids(bytes, arrayAt: arrayOffset) }
    return scan
  }

  /// Decodes a value that `scan` found canonical, or that the table wrote itself.
  static func decode(_ bytes: UnsafeRawBufferPointer, valueAt offset: Int) -> FilesCacheTable.Entry {
    do throws(Failure) {
      var reader = MessagePackReader(bytes, offset: offset)
      _ = try reader.readArrayHeader()
      _ = try reader.readInt()
      let inode = try reader.readUInt()
      let size = try reader.readInt()
      let cmtime = try reader.readInt()
      let arrayOffset = reader.offset
      let count = try reader.readArrayHeader()
      return FilesCacheTable.Entry(
        inode: inode, size: size, cmtime: cmtime, arrayOffset: arrayOffset, chunksOffset: reader.offset,
        chunkCount: count)
    } catch {
      preconditionFailure("a files cache entry changed after it was validated")
    }
  }

  /// A time: an integer, or one too large for 64 bits as little-endian bytes (then clamped and not plain).
  private static func readTime(
    _ reader: inout MessagePackReader
  ) throws(Failure) -> (nanoseconds: Int64, isPlain: Bool) {
    guard try reader.isRaw() else { return (try reader.readInt(), true) }
    let isNegative = try (reader.readRaw().last ?? 0) & 0x80 != 0
    return (isNegative ? .min : .max, false)
  }

  /// Passes over the chunk ids; whether all of them are written as Borg writes them.
  private static func skipsIDs(_ reader: inout MessagePackReader) throws(Failure) -> Bool {
    var isCanonical = true
    for _ in 0..<(try reader.readArrayHeader()) {
      let start = reader.offset
      _ = try reader.readID()
      if reader.bytes[start] != idHead { isCanonical = false }
    }
    return isCanonical
  }

  private static func ids(_ bytes: UnsafeRawBufferPointer, arrayAt offset: Int) throws(Failure) -> [ChunkID] {
    var reader = MessagePackReader(bytes, offset: offset)
    var ids: [ChunkID] = []
    for _ in 0..<(try reader.readArrayHeader()) { ids.append(try reader.readID()) }
    return ids
  }
}
