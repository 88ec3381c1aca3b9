import CLZ4

/// Raw LZ4 blocks, which carry neither a frame nor a size.
enum LZ4 {
  /// Nil when the result does not fit.
  static func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
    guard source.count <= Int(LZ4_MAX_INPUT_SIZE) else { return nil }
    let size = LZ4_compress_default(
      source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress?.assumingMemoryBound(to: CChar.self),
      Int32(source.count), Int32(clamping: target.count))
    return size > 0 ? Int(size) : nil
  }

  /// Nil when the block is corrupt or needs more room: LZ4 does not say which.
  static func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) -> Int? {
    guard let count = Int32(exactly: source.count) else { return nil }
    let size = LZ4_decompress_safe(
      source.baseAddress?.assumingMemoryBound(to: CChar.self), target.baseAddress?.assumingMemoryBound(to: CChar.self),
      count, Int32(clamping: target.count))
    return size >= 0 ? Int(size) : nil
  }
}
