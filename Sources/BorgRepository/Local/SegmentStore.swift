import BorgFormat
import BorgSystem
import Glibc

/// The segment files under `data/` (repository.md section 6): append-only files of PUT, DELETE and COMMIT, numbered
/// in the order in which they were written. Knows nothing of the index.
final class SegmentStore {
  private let repository: [UInt8]
  private let directory: [UInt8]
  private let sizeLimit: Int
  private let segmentsPerDirectory: Int
  private let startsWritebackEarly: Bool
  /// Ends scans when it is made.
  let stopRequest = StopRequest()
  private var pool = DescriptorPool()
  private var writer: SegmentWriter?
  /// The number of the open segment, or of the next one.
  private var nextSegment = 0

  static let maximumSegment = Int(HashIndex.maximumValue)

  init(repository: [UInt8], sizeLimit: Int, segmentsPerDirectory: Int, startsWritebackEarly: Bool) {
    self.repository = repository
    directory = Files.join(repository, Array("data".utf8))
    self.sizeLimit = sizeLimit
    self.segmentsPerDirectory = segmentsPerDirectory
    self.startsWritebackEarly = startsWritebackEarly
  }

  /// Makes what was written durable and lets go of every file.
  func close() throws {
    pool.forgetAll()
    try closeSegment()
  }

  // MARK: Files

  func path(of segment: Int) -> [UInt8] {
    Files.join(directoryPath(of: segment), Array(String(segment).utf8))
  }

  private func directoryPath(of segment: Int) -> [UInt8] {
    Files.join(directory, Array(String(segment / segmentsPerDirectory).utf8))
  }

  /// Nil when there is no such file.
  func size(of segment: Int) throws -> Int? {
    guard segment >= 0 else { return nil }
    do {
      return Int(try Files.status(path(of: segment)).st_size)
    } catch let error as SystemError where error.code == ENOENT {
      return nil
    }
  }

  /// An empty file counts as deleted.
  func exists(_ segment: Int) throws -> Bool {
    try size(of: segment) ?? 0 > 0
  }

  func delete(_ segment: Int) throws {
    pool.forget(segment)
    let path = path(of: segment)
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
    try forEachSegmentBackwards { segment in
      guard segment > last else { return false }
      try delete(segment)
      return true
    }
    nextSegment = last + 1
  }

  func removeEmptyDirectories() throws {
    for subdirectory in try numbers(in: directory) { try? Files.removeDirectory(subdirectory.path) }
    try Files.syncDirectory(directory)
  }

  // MARK: Enumeration

  /// Segments from `first` on, ascending, until `body` returns false.
  func forEachSegment(from first: Int = 0, _ body: (Int) throws -> Bool) throws {
    for directory in try numbers(in: directory, from: first / segmentsPerDirectory) where isDirectory(directory.path) {
      for segment in try numbers(in: directory.path, from: first) where isFile(segment.path) {
        guard try body(segment.number) else { return }
      }
    }
  }

  func forEachSegmentBackwards(_ body: (Int) throws -> Bool) throws {
    for directory in try numbers(in: directory).reversed() where isDirectory(directory.path) {
      for segment in try numbers(in: directory.path).reversed() where isFile(segment.path) {
        guard try body(segment.number) else { return }
      }
    }
  }

  func latestSegment() throws -> Int? {
    var latest: Int?
    try forEachSegmentBackwards {
      latest = $0
      return false
    }
    return latest
  }

  func segmentCount() throws -> Int {
    var count = 0
    try forEachSegment { _ in
      count += 1
      return true
    }
    return count
  }

  private func isDirectory(_ path: [UInt8]) -> Bool { (try? Files.status(path).st_mode & S_IFMT) == S_IFDIR }
  private func isFile(_ path: [UInt8]) -> Bool { (try? Files.status(path).st_mode & S_IFMT) == S_IFREG }

  /// Names of digits alone within the range of segment numbers, sorted by number.
  private func numbers(in directory: [UInt8], from first: Int = 0) throws -> [(number: Int, path: [UInt8])] {
    try Files.names(in: directory).compactMap { name -> (number: Int, path: [UInt8])? in
      guard let number = decimal(name), number >= first, number <= Int(UInt32.max) else { return nil }
      return (number, Files.join(directory, name))
    }.sorted { $0.number < $1.number }
  }

  // MARK: Commits

  /// The highest committed segment: the number of the last transaction.
  func latestCommittedSegment() throws -> Int? {
    var found: Int?
    try forEachSegmentBackwards { segment in
      if try isCommitted(segment) { found = segment }
      return found == nil
    }
    return found
  }

  /// Whether the segment is intact and ends with a COMMIT that only COMMITs follow (section 8).
  func isCommitted(_ segment: Int) throws -> Bool {
    guard try endsLikeCommit(segment) else { return false }
    var tags = CommitOrder()
    do {
      try scan(segment) { tags.accept($0.tag) }
    } catch is IntegrityError {
      return false
    }
    return tags.isCommitted
  }

  private func endsLikeCommit(_ segment: Int) throws -> Bool {
    let file = try file(segment)
    let start = try file.size() - Int64(SegmentEntryHeader.size)
    guard start >= 0 else { return false }
    return try withUnsafeTemporaryAllocation(byteCount: SegmentEntryHeader.size, alignment: 1) { tail in
      let count = try file.read(into: tail, at: start)
      return tail[..<count].elementsEqual(SegmentEntryHeader.commit)
    }
  }

  private struct CommitOrder {
    private(set) var isCommitted = false

    mutating func accept(_ tag: SegmentEntryHeader.Tag) -> Bool {
      if tag == .commit { isCommitted = true } else if isCommitted { return reject() }
      return true
    }

    private mutating func reject() -> Bool {
      isCommitted = false
      return false
    }
  }

  /// Whether the segments look like a first transaction that was killed: numbered from 0 without gaps, all intact
  /// but the last, and no COMMIT among them. So do no segments at all.
  func holdsUnfinishedFirstTransaction() throws -> Bool {
    let latest = try latestSegment()
    var expected = 0
    var isUnfinished = true
    try forEachSegment { segment in
      isUnfinished = try segment == expected && !hasCommit(segment, mayBeTorn: segment == latest)
      expected += 1
      return isUnfinished
    }
    return isUnfinished
  }

  private func hasCommit(_ segment: Int, mayBeTorn: Bool) throws -> Bool {
    var found = false
    do {
      try scan(segment) { entry in
        found = entry.tag == .commit
        return !found
      }
    } catch is IntegrityError {
      return !mayBeTorn
    }
    return found
  }

  /// Whether the segment is one of Attic, Borg's forerunner.
  func hasAtticMagic(_ segment: Int) throws -> Bool {
    let file = try file(segment)
    return try withUnsafeTemporaryAllocation(byteCount: SegmentEntryHeader.magic.count, alignment: 1) { start in
      let count = try file.read(into: start, at: 0)
      return start[..<count].elementsEqual(AtticConversion.segmentMagic)
    }
  }

  // MARK: Reading

  /// A descriptor for positional reads. Throws `IntegrityError` when the file is missing.
  func file(_ segment: Int) throws -> File {
    do {
      return try pool.file(segment) { path(of: segment) }
    } catch let error as SystemError where error.code == ENOENT {
      throw IntegrityError(
        "Segment file \(String(decoding: path(of: segment), as: UTF8.self)) is missing. Run borg check (full check, not "
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
    try makeDirectory(of: nextSegment)
    let writer = try SegmentWriter(
      path: path(of: nextSegment), segment: nextSegment, startsWritebackEarly: startsWritebackEarly)
    pool.forget(nextSegment)
    self.writer = writer
    return writer
  }

  private func makeDirectory(of segment: Int) throws {
    let path = directoryPath(of: segment)
    guard !Files.exists(path) else { return }
    try Files.makeDirectory(path)
    try Files.syncDirectory(directory)
  }

  /// The durability point of a segment: its data, then its name in the directory.
  func closeSegment() throws {
    guard let writer else { return }
    self.writer = nil
    nextSegment += 1
    try writer.close()
    try Files.syncDirectory(directoryPath(of: writer.segment))
  }
}

/// The number that digits alone spell; nil for anything else. Saturates.
func decimal(_ digits: some Collection<UInt8>) -> Int? {
  guard !digits.isEmpty else { return nil }
  var value = 0
  for digit in digits {
    guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
    let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, sumOverflow) = scaled.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
    value = overflow || sumOverflow ? .max : sum
  }
  return value
}
