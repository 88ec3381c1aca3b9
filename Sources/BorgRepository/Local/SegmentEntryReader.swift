import BorgFormat
import BorgSystem

/// Reads single entries by location, with the checks of repository.md 6.2 in their order.
enum SegmentEntryReader {
  /// The object of the PUT of `id` at `location`. Throws `IntegrityError` when anything else stands there.
  static func object(_ file: File, _ id: ChunkID, at location: EntryLocation) throws -> [UInt8] {
    try withUnsafeTemporaryAllocation(byteCount: firstReadSize, alignment: 8) { scratch in
      let count = try file.read(into: scratch, at: Int64(location.offset))
      let head = UnsafeRawBufferPointer(rebasing: scratch[..<count])
      return try object(id, at: location, head: head) { target, done in
        try file.read(into: target, at: Int64(location.offset) + Int64(done))
      }
    }
  }

  /// Like `object(_:_:at:)` for an entry that is wholly in `bytes`.
  static func object(_ bytes: UnsafeRawBufferPointer, _ id: ChunkID, at location: EntryLocation) throws -> [UInt8] {
    try object(id, at: location, head: bytes) { _, _ in 0 }
  }

  /// The entry size that the header of the PUT of `id` tells; the object itself is not looked at.
  static func entrySize(_ head: UnsafeRawBufferPointer, _ id: ChunkID, at location: EntryLocation) throws -> Int {
    let header = try checkedHeader(head, at: location)
    try check(header, isPutOf: id, head, at: location)
    return Int(header.entrySize)
  }

  /// `head` is the entry's beginning; `readOn` reads into a buffer from a distance to the entry's start.
  private static func object(
    _ id: ChunkID, at location: EntryLocation, head: UnsafeRawBufferPointer,
    readOn: (UnsafeMutableRawBufferPointer, Int) throws -> Int
  ) throws -> [UInt8] {
    let header = try checkedHeader(head, at: location)
    let size = Int(header.entrySize) - SegmentEntryHeader.sizeWithID
    let ready = head.dropFirst(SegmentEntryHeader.sizeWithID).prefix(size)
    let object = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      let target = UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: size)
      target.copyBytes(from: ready)
      count = ready.count
      guard count < size else { return }
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[count...])
      count += try readOn(rest, SegmentEntryHeader.sizeWithID + count)
    }
    guard object.count == size else {
      throw SegmentDamage.shortRead(expected: size, actual: object.count).error(at: location)
    }
    let headBytes = UnsafeRawBufferPointer(rebasing: head[4..<SegmentEntryHeader.sizeWithID])
    let crc = object.withUnsafeBytes { SegmentChecksum.update(SegmentChecksum.update(0, headBytes), $0) }
    guard crc == header.crc else { throw SegmentDamage.checksum.error(at: location) }
    try check(header, isPutOf: id, head, at: location)
    return object
  }

  private static func checkedHeader(
    _ head: UnsafeRawBufferPointer, at location: EntryLocation
  ) throws -> SegmentEntryHeader {
    guard head.count >= SegmentEntryHeader.sizeWithID, let header = SegmentEntryHeader(loading: head) else {
      throw SegmentDamage.shortHeader(SegmentEntryHeader.sizeWithID).error(at: location)
    }
    guard header.entrySize <= SegmentEntryHeader.maximumEntrySize else {
      throw SegmentDamage.tooBig(header.entrySize).error(at: location)
    }
    guard header.entrySize >= SegmentEntryHeader.sizeWithID else {
      throw SegmentDamage.tooSmall(header.entrySize).error(at: location)
    }
    return header
  }

  private static func check(
    _ header: SegmentEntryHeader, isPutOf id: ChunkID, _ head: UnsafeRawBufferPointer, at location: EntryLocation
  ) throws {
    guard header.tag == SegmentEntryHeader.Tag.put.rawValue else { throw SegmentDamage.tag.error(at: location) }
    let stored = ChunkID(loading: UnsafeRawBufferPointer(rebasing: head[SegmentEntryHeader.size...]))
    guard stored == id else { throw SegmentDamage.otherID.error(at: location) }
  }

  /// Enough for most small objects together with their header.
  private static let firstReadSize = 4096
}

/// What can be wrong with an entry, in Borg's words.
enum SegmentDamage {
  case magic
  case shortHeader(Int)
  case tooBig(UInt32)
  case tooSmall(UInt32)
  case shortRead(expected: Int, actual: Int)
  case checksum
  case tag
  case otherID

  func error(at location: EntryLocation) -> IntegrityError {
    error(segment: Int(location.segment), offset: Int(location.offset))
  }

  func error(segment: Int, offset: Int) -> IntegrityError {
    let place = "[segment \(segment), offset \(offset)]"
    return switch self {
    case .magic: IntegrityError("Invalid segment magic \(place)")
    case .shortHeader(let size):
      IntegrityError("Invalid segment entry header \(place): unpack requires a buffer of \(size) bytes")
    case .tooBig(let size): IntegrityError("Invalid segment entry size \(size) - too big \(place)")
    case .tooSmall(let size): IntegrityError("Invalid segment entry size \(size) - too small \(place)")
    case .shortRead(let expected, let actual):
      IntegrityError("Segment entry data short read \(place): expected \(expected), got \(actual) bytes")
    case .checksum: IntegrityError("Segment entry checksum mismatch \(place)")
    case .tag: IntegrityError("Invalid segment entry header, did not get acceptable tag \(place)")
    case .otherID: IntegrityError("Invalid segment entry header, is not for wanted id \(place)")
    }
  }
}
