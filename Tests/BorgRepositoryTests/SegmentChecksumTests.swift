import BorgFormat
import CZlib
import Testing

@testable import BorgRepository

struct SegmentChecksumTests {
  @Test func `it is zlib's for every length and start`() {
    let bytes = object(5000)
    bytes.withUnsafeBytes { bytes in
      for count in Array(0...300) + [1000, 4095, 4096, 4097, 4990] {
        for start in [0, 1, 7] {
          let part = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + count)])
          let expected = crc32_z(0x1234_5678, part.baseAddress?.assumingMemoryBound(to: UInt8.self), count)
          #expect(SegmentChecksum.update(0x1234_5678, part) == UInt32(expected), "\(count) from \(start)")
        }
      }
    }
  }

  @Test func `an entry's checksum covers size, tag, id and object`() {
    let object = Array("abc".utf8)
    #expect(object.withUnsafeBytes { SegmentChecksum.entry(id(1), $0) } == 0x72cf_1170)
    #expect(SegmentChecksum.entry(.manifest, nil) == 0x8a0d_ec8c)
    #expect(SegmentEntryHeader.commit.withUnsafeBytes { SegmentChecksum.entry($0) } == 0x253c_f440)
  }
}
