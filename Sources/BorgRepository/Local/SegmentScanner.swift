import BorgFormat
import BorgSystem
import Glibc

/// Reads a segment's entries one after another (repository.md 6.2).
final class SegmentScanner {
  /// One entry; `bytes` is all of it (only its beginning without checksums) and valid during the call alone.
  struct Entry {
    let tag: SegmentEntryHeader.Tag
    /// The manifest's id for a COMMIT.
    let id: ChunkID
    let offset: Int
    let size: Int
    let bytes: UnsafeRawBufferPointer

    /// The object of a PUT.
    var object: UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: bytes.dropFirst(SegmentEntryHeader.sizeWithID))
    }
  }

  private let window: ReadWindow
  private let segment: Int
  private let verifiesChecksums: Bool
  private var offset: Int

  /// From the segment's start, whose magic is checked first, or from the entry at `offset`. Without checksums only
  /// headers are read and a cut last entry goes unnoticed.
  init(_ file: File, segment: Int, offset: Int = 0, verifiesChecksums: Bool = true) {
    window = ReadWindow(file, preferredSize: verifiesChecksums ? 1 << 20 : 16 << 10)
    self.segment = segment
    self.verifiesChecksums = verifiesChecksums
    self.offset = offset
  }

  /// Calls `body` for each entry until it returns false. Throws `IntegrityError` at the first damage.
  func forEach(_ body: (Entry) throws -> Bool) throws {
    if offset == 0 { try checkMagic() }
    while let entry = try next() {
      offset += entry.size
      guard try body(entry) else { return }
    }
  }

  private func checkMagic() throws {
    let magic = SegmentEntryHeader.magic
    guard try window.bytes(at: 0, count: magic.count).elementsEqual(magic) else {
      throw SegmentDamage.magic.error(segment: segment, offset: 0)
    }
    offset = magic.count
  }

  /// Nil at the end of the file.
  private func next() throws -> Entry? {
    var bytes = try window.bytes(at: offset, count: SegmentEntryHeader.sizeWithID)
    if bytes.isEmpty { return nil }
    guard let header = SegmentEntryHeader(loading: bytes) else { throw damage(.shortHeader(SegmentEntryHeader.size)) }
    guard header.entrySize <= SegmentEntryHeader.maximumEntrySize else { throw damage(.tooBig(header.entrySize)) }
    guard header.entrySize >= SegmentEntryHeader.size else { throw damage(.tooSmall(header.entrySize)) }
    let size = Int(header.entrySize)
    if verifiesChecksums { bytes = try verifiedBytes(header, size) }
    guard let tag = SegmentEntryHeader.Tag(rawValue: header.tag) else { throw damage(.tag) }
    guard tag != .commit else { return Entry(tag: tag, id: .manifest, offset: offset, size: size, bytes: bytes) }
    guard size >= SegmentEntryHeader.sizeWithID else { throw damage(.tooSmall(header.entrySize)) }
    guard bytes.count >= SegmentEntryHeader.sizeWithID else {
      throw damage(.shortRead(expected: SegmentEntryHeader.sizeWithID, actual: bytes.count))
    }
    let id = ChunkID(loading: UnsafeRawBufferPointer(rebasing: bytes[SegmentEntryHeader.size...]))
    return Entry(tag: tag, id: id, offset: offset, size: size, bytes: bytes)
  }

  private func verifiedBytes(_ header: SegmentEntryHeader, _ size: Int) throws -> UnsafeRawBufferPointer {
    let bytes = try window.bytes(at: offset, count: size)
    guard bytes.count == size else {
      let expected = size - SegmentEntryHeader.size
      throw damage(.shortRead(expected: expected, actual: bytes.count - SegmentEntryHeader.size))
    }
    guard SegmentChecksum.entry(bytes) == header.crc else { throw damage(.checksum) }
    return bytes
  }

  private func damage(_ damage: SegmentDamage) -> IntegrityError {
    damage.error(segment: segment, offset: offset)
  }
}

/// A part of a file in memory that moves forward with its reader.
final class ReadWindow {
  private let file: File
  private let preferredSize: Int
  private var buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var count = 0

  init(_ file: File, preferredSize: Int) {
    self.file = file
    self.preferredSize = preferredSize
    buffer = .allocate(byteCount: preferredSize, alignment: 16)
  }

  deinit { buffer.deallocate() }

  /// The file's bytes from `offset` on, fewer than `wanted` only at its end. Valid until the next call.
  func bytes(at offset: Int, count wanted: Int) throws -> UnsafeRawBufferPointer {
    if offset < start || offset + wanted > start + count { try fill(at: offset, atLeast: wanted) }
    let skipped = offset - start
    guard skipped < count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(rebasing: buffer[skipped..<min(count, skipped + wanted)])
  }

  private func fill(at offset: Int, atLeast wanted: Int) throws {
    let kept = offset >= start && offset < start + count ? start + count - offset : 0
    let skipped = offset - start
    if wanted > buffer.count {
      let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted + preferredSize, alignment: 16)
      if kept > 0 { larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[skipped..<(skipped + kept)])) }
      buffer.deallocate()
      buffer = larger
    } else if kept > 0, let base = buffer.baseAddress, skipped > 0 {
      memmove(base, base + skipped, kept)
    }
    start = offset
    count = kept
    count += try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[kept...]), at: Int64(offset + kept))
  }
}
