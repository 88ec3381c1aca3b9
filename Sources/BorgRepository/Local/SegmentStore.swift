import BorgFormat
import BorgSystem
import Glibc

/// The segment files under `data/` (repository.md section 6): append-only files of PUT, DELETE and COMMIT, numbered
/// in the order in which they were written. Knows nothing of the index.
final class SegmentStore {
  let files: SegmentFiles
  private let sizeLimit: Int
  private let startsWritebackEarly: Bool
  /// Ends scans when it is made.
  let stopRequest = StopRequest()
  private var pool = DescriptorPool()
  private var writer: SegmentWriter?
  /// The number of the open segment, or of the next one.
  private var nextSegment = 0

  static let maximumSegment = Int(HashIndex.maximumValue)

  /// Throws `IntegrityError` for a number that an index cannot hold.
  static func requireNumber(_ segment: Int) throws {
    guard segment <= maximumSegment else { throw IntegrityError("Segment number \(segment) is too high") }
  }

  init(repository: [UInt8], sizeLimit: Int, segmentsPerDirectory: Int, startsWritebackEarly: Bool) {
    files = SegmentFiles(repository: repository, segmentsPerDirectory: segmentsPerDirectory)
    self.sizeLimit = sizeLimit
    self.startsWritebackEarly = startsWritebackEarly
  }

  /// Makes what was written durable and lets go of every file.
  func close() throws {
    pool.forgetAll()
    try closeSegment()
  }

  // MARK: Deleting

  func delete(_ segment: Int) throws {
    pool.forget(segment)
    let path = files.path(of: segment)
    do {
      try Files.unlink(path)
    } catch let error as SystemError where error.code == ENOENT {
    } catch let error as SystemError where error.code == ENOSPC {
      guard try Files.status(path, followLinks: false).st_nlink == 1 else { throw error }
      try File.open(path, O_WRONLY | O_TRUNC).close()
      try Files.unlink(path)
    }
  }

  /// Deletes the segments above `transaction`, highest first, and writes on from there. Nil: all of them.
  func deleteSegments(above transaction: Int?) throws {
    discardSegment()
    let last = transaction ?? -1
    try files.forEachBackwards { segment in
      guard segment > last else { return false }
      try delete(segment)
      return true
    }
    nextSegment = last + 1
  }

  // MARK: Reading

  /// A descriptor for positional reads. Throws `IntegrityError` when the file is missing.
  func file(_ segment: Int) throws -> File {
    do {
      return try pool.file(segment) { files.path(of: segment) }
    } catch let error as SystemError where error.code == ENOENT {
      throw IntegrityError(
        "Segment file \(String(decoding: files.path(of: segment), as: UTF8.self)) is missing. Run borg check (full check, not "
          + "--archives-only) and then borg check --repair to fix the repository.")
    }
  }

  /// Forgets the descriptor, so that the next read opens the file anew.
  func forgetFile(_ segment: Int) {
    pool.forget(segment)
  }

  func forgetFiles() {
    pool.forgetAll()
  }

  func scan(
    _ segment: Int, from offset: Int = 0, verifiesChecksums: Bool = true,
    _ body: (SegmentScanner.Entry) throws -> Bool
  ) throws {
    try flushIfOpen(segment)
    let file = try file(segment)
    try SegmentScanner(file, segment: segment, offset: offset, verifiesChecksums: verifiesChecksums).forEach { entry in
      try stopRequest.check()
      return try body(entry)
    }
  }

  /// The object at `location` while it still waits in the write buffer; nil when it is to be read from the file.
  func bufferedObject(_ id: ChunkID, at location: EntryLocation) throws -> [UInt8]? {
    guard let writer, writer.segment == Int(location.segment),
      let bytes = writer.buffered(at: Int(location.offset), count: SegmentEntryHeader.maximumEntrySize)
    else { return nil }
    return try bytes.withUnsafeBytes { try SegmentEntryReader.object($0, id, at: location) }
  }

  /// The size of the PUT of `id` at `location`, as its header tells.
  func entrySize(_ id: ChunkID, at location: EntryLocation) throws -> Int {
    if let writer, writer.segment == Int(location.segment),
      let bytes = writer.buffered(at: Int(location.offset), count: SegmentEntryHeader.sizeWithID)
    {
      return try bytes.withUnsafeBytes { try SegmentEntryReader.entrySize($0, id, at: location) }
    }
    let file = try file(Int(location.segment))
    return try withUnsafeTemporaryAllocation(byteCount: SegmentEntryHeader.sizeWithID, alignment: 8) { head in
      let count = try file.read(into: head, at: Int64(location.offset))
      return try SegmentEntryReader.entrySize(UnsafeRawBufferPointer(rebasing: head[..<count]), id, at: location)
    }
  }

  private func flushIfOpen(_ segment: Int) throws {
    if let writer, writer.segment == segment { try writer.flush() }
  }

  // MARK: Writing

  /// Whether the next entry of `id` begins a new segment: the open one is full, or it is the manifest (6.3).
  func needsNewSegment(for id: ChunkID) -> Bool {
    id == .manifest || writer.map { $0.offset > sizeLimit } ?? false
  }

  func put(_ id: ChunkID, _ object: UnsafeRawBufferPointer, checksum: UInt32) throws -> EntryLocation {
    if needsNewSegment(for: id) { try closeSegment() }
    let writer = try openSegment()
    return location(writer, try writer.put(id, object, checksum: checksum))
  }

  func delete(_ id: ChunkID) throws -> EntryLocation {
    if needsNewSegment(for: id) { try closeSegment() }
    let writer = try openSegment()
    return location(writer, try writer.delete(id))
  }

  /// Ends the transaction with a COMMIT in a file of its own; returns its number. All that was written before is
  /// durable when the COMMIT is.
  func commit() throws -> Int {
    try closeSegment()
    return try appendCommit(openSegment())
  }

  /// Ends a part of a compaction: the COMMIT goes to the end of the open segment.
  func commitIntermediately() throws -> Int {
    let writer = try openSegment()
    try writer.syncData()
    return try appendCommit(writer)
  }

  /// Writes on with `segment`, as a repair does.
  func continueWriting(at segment: Int) throws {
    try closeSegment()
    nextSegment = segment
  }

  /// Gives up the open segment without caring for its contents.
  func discardSegment() {
    if let writer {
      pool.forget(writer.segment)
      self.writer = nil
      nextSegment += 1
    }
  }

  private func appendCommit(_ writer: SegmentWriter) throws -> Int {
    try writer.commit()
    try closeSegment()
    return writer.segment
  }

  private func location(_ writer: SegmentWriter, _ offset: Int) -> EntryLocation {
    EntryLocation(segment: UInt32(writer.segment), offset: UInt32(offset))
  }

  private func openSegment() throws -> SegmentWriter {
    if let writer { return writer }
    guard nextSegment <= SegmentStore.maximumSegment else {
      throw RepositoryError.refused("The repository has no segment number left.")
    }
    try files.makeDirectory(of: nextSegment)
    let writer = try SegmentWriter(
      path: files.path(of: nextSegment), segment: nextSegment, startsWritebackEarly: startsWritebackEarly)
    pool.forget(nextSegment)
    self.writer = writer
    return writer
  }

  /// The durability point of a segment: its data, then its name in the directory.
  func closeSegment() throws {
    guard let writer else { return }
    self.writer = nil
    nextSegment += 1
    try writer.close()
    try Files.syncDirectory(files.directoryPath(of: writer.segment))
  }
}
