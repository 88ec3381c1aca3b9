import BorgFormat
import BorgSystem
import Glibc

/// The segment file that is being written. Small entries gather in a buffer; large ones go to the file directly.
/// An entry is always wholly in the buffer or wholly in the file.
final class SegmentWriter {
  let segment: Int
  private let file: File
  private let startsWritebackEarly: Bool
  private var buffer: [UInt8]
  /// Bytes in the file; the buffer follows.
  private var flushed = 0
  /// Bytes whose way to the disk has begun.
  private var written = 0

  /// The file's length once everything is flushed.
  var offset: Int { flushed + buffer.count }

  /// Creates the file, which must not exist, and begins it with the magic.
  init(path: [UInt8], segment: Int, startsWritebackEarly: Bool) throws {
    self.segment = segment
    self.startsWritebackEarly = startsWritebackEarly
    file = try File.open(path, O_WRONLY | O_CREAT | O_EXCL)
    buffer = SegmentEntryHeader.magic
  }

  /// Appends a PUT with its checksum; returns its offset.
  func put(_ id: ChunkID, _ object: UnsafeRawBufferPointer, checksum: UInt32) throws -> Int {
    let size = SegmentEntryHeader.sizeWithID + object.count
    try makeRoom(for: size)
    let start = offset
    appendHeader(.put, size: size, checksum: checksum)
    appendID(id)
    if object.count < SegmentWriter.directSize { buffer.append(contentsOf: object) } else { try flush(with: object) }
    return start
  }

  func delete(_ id: ChunkID) throws -> Int {
    try makeRoom(for: SegmentEntryHeader.sizeWithID)
    let start = offset
    appendHeader(.delete, size: SegmentEntryHeader.sizeWithID, checksum: SegmentChecksum.entry(id, nil))
    appendID(id)
    return start
  }

  func commit() throws {
    try makeRoom(for: SegmentEntryHeader.size)
    buffer += SegmentEntryHeader.commit
  }

  /// Copies bytes that are still buffered; nil when they are in the file (or beyond its end).
  func buffered(at offset: Int, count: Int) -> ArraySlice<UInt8>? {
    guard offset >= flushed, offset < self.offset else { return nil }
    return buffer[(offset - flushed)..<min(buffer.count, offset - flushed + count)]
  }

  func flush() throws {
    try flush(with: UnsafeRawBufferPointer(start: nil, count: 0))
  }

  func syncData() throws {
    try flush()
    try file.syncData()
  }

  /// Makes the contents durable and closes the file; its directory is the caller's to sync.
  func close() throws {
    try syncData()
    if flushed > SegmentWriter.bufferSize { posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED) }
    try file.close()
  }

  private func makeRoom(for size: Int) throws {
    if buffer.count + size > SegmentWriter.bufferSize { try flush() }
    if buffer.isEmpty { buffer.reserveCapacity(SegmentWriter.bufferSize) }
  }

  private func flush(with object: UnsafeRawBufferPointer) throws {
    guard !buffer.isEmpty || !object.isEmpty else { return }
    try buffer.withUnsafeBytes { try file.writeVector([$0, object]) }
    flushed += buffer.count + object.count
    buffer.removeAll(keepingCapacity: true)
    startWriteback()
  }

  /// Has the kernel write out full windows now, so that little is left for the sync at the end.
  private func startWriteback() {
    let count = flushed - written
    guard startsWritebackEarly, count >= SegmentWriter.writebackWindow else { return }
    posix_fadvise(file.descriptor, off_t(written), off_t(count), POSIX_FADV_DONTNEED)
    written = flushed
  }

  private func appendHeader(_ tag: SegmentEntryHeader.Tag, size: Int, checksum: UInt32) {
    append(checksum)
    append(UInt32(size))
    buffer.append(tag.rawValue)
  }

  private func append(_ number: UInt32) {
    withUnsafeBytes(of: number.littleEndian) { buffer.append(contentsOf: $0) }
  }

  private func appendID(_ id: ChunkID) {
    let words = (
      id.words.0.littleEndian, id.words.1.littleEndian, id.words.2.littleEndian, id.words.3.littleEndian
    )
    withUnsafeBytes(of: words) { buffer.append(contentsOf: $0) }
  }

  private static let bufferSize = 1 << 20
  /// From here on copying costs more than a system call.
  private static let directSize = 32 << 10
  private static let writebackWindow = 16 << 20
}
