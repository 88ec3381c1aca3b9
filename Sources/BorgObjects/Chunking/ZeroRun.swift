/// Whether every byte is zero; stops at the first that is not.
public func isAllZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
  firstNonZero(in: bytes, from: 0) == bytes.count
}

/// The offset of the first byte at or after `start` that is not zero; the count when there is none.
func firstNonZero(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
  precondition(start >= 0 && start <= bytes.count)
  guard let base = bytes.baseAddress else { return 0 }
  var offset = start
  while bytes.count &- offset >= 64 {
    let low = base.loadUnaligned(fromByteOffset: offset, as: SIMD4<UInt64>.self)
    let high = base.loadUnaligned(fromByteOffset: offset &+ 32, as: SIMD4<UInt64>.self)
    let union = low | high
    if union[0] | union[1] | union[2] | union[3] != 0 { break }
    offset &+= 64
  }
  while offset < bytes.count, base.load(fromByteOffset: offset, as: UInt8.self) == 0 { offset &+= 1 }
  return offset
}
