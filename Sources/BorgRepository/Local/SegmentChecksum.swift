import BorgFormat
import CZlib

/// The CRC-32 of segment entries: over all their bytes but the first four (repository.md 6.2).
enum SegmentChecksum {
  static func update(_ crc: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = bytes.baseAddress else { return crc }
    return czlib_crc32(crc, start.assumingMemoryBound(to: UInt8.self), bytes.count)
  }

  /// The checksum of a PUT of `object`, or of a DELETE when that is nil.
  static func entry(_ id: ChunkID, _ object: UnsafeRawBufferPointer?) -> UInt32 {
    withUnsafeTemporaryAllocation(byteCount: SegmentEntryHeader.sizeWithID, alignment: 8) { header in
      let size = SegmentEntryHeader.sizeWithID + (object?.count ?? 0)
      let tag: SegmentEntryHeader.Tag = object == nil ? .delete : .put
      header.storeBytes(of: UInt32(size).littleEndian, toByteOffset: 4, as: UInt32.self)
      header[8] = tag.rawValue
      id.store(into: UnsafeMutableRawBufferPointer(rebasing: header[SegmentEntryHeader.size...]))
      let crc = update(0, UnsafeRawBufferPointer(rebasing: header[4...]))
      return object.map { update(crc, $0) } ?? crc
    }
  }

  /// The checksum of a whole entry as it lies in a segment.
  static func entry(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    update(0, UnsafeRawBufferPointer(rebasing: bytes.dropFirst(4)))
  }
}
