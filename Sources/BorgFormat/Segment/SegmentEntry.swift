/// The segment file's entries (repository.md section 6), without their checksums' arithmetic: the CRC-32 is handed in
/// by the room that does I/O, since it comes from a C library there.
public struct SegmentEntryHeader: Sendable, Equatable {
  public enum Tag: UInt8, Sendable { case put = 0, delete = 1, commit = 2 }

  public static let magic: [UInt8] = Array("BORG_SEG".utf8)
  public static let size = 9
  public static let sizeWithID = 41
  public static let maximumEntrySize = 20_971_520
  public static let maximumDataSize = 20_971_479
  public static let commit: [UInt8] = [0x40, 0xf4, 0x3c, 0x25, 9, 0, 0, 0, 2]

  public var crc: UInt32
  public var entrySize: UInt32
  public var tag: UInt8

  public init(crc: UInt32, entrySize: UInt32, tag: UInt8) {
    self.crc = crc
    self.entrySize = entrySize
    self.tag = tag
  }

  /// The first nine bytes of an entry; nil when there are fewer.
  public init?(loading bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= SegmentEntryHeader.size else { return nil }
    crc = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt32.self))
    entrySize = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
    tag = bytes[8]
  }
}
