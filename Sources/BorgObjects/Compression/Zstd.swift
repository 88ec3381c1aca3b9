import BorgSystem
import CZstd
import Glibc

/// Zstandard frames that carry their content's size, with contexts kept between chunks.
final class Zstd {
  private let compressor = ZSTD_createCCtx()
  private let decompressor = ZSTD_createDCtx()

  deinit {
    ZSTD_freeCCtx(compressor)
    ZSTD_freeDCtx(decompressor)
  }

  /// Nil when the result does not fit.
  func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, level: Int32) -> Int? {
    let size = ZSTD_compressCCtx(
      compressor, target.baseAddress, target.count, source.baseAddress, source.count, level)
    return ZSTD_isError(size) == 0 ? size : nil
  }

  /// The size that the frame announces, refused when so few bytes cannot hold so much: a block makes at most 128 KiB
  /// and takes at least four bytes.
  static func announcedSize(_ source: UnsafeRawBufferPointer, limit: Int) throws(DecompressionError) -> Int {
    let size = ZSTD_getFrameContentSize(source.baseAddress, source.count)
    // ZSTD_CONTENTSIZE_UNKNOWN and ZSTD_CONTENTSIZE_ERROR, which are casts that Swift does not see.
    if size == UInt64.max { throw DecompressionError("zstd get size failed: original size unknown") }
    if size == UInt64.max - 1 {
      throw DecompressionError("zstd get size failed: data was not compressed by zstd")
    }
    let plausible = min((source.count / 4 + 1) * 131_072, limit)
    guard size <= UInt64(plausible) else {
      throw DecompressionError("zstd decompress failed: announced size \(size) is not plausible")
    }
    return Int(size)
  }

  func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws -> Int {
    let size = ZSTD_decompressDCtx(
      decompressor, target.baseAddress, target.count, source.baseAddress, source.count)
    if ZSTD_isError(size) != 0 {
      if ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation { throw SystemError(code: ENOMEM) }
      throw DecompressionError("zstd decompress failed: \(String(cString: ZSTD_getErrorName(size)))")
    }
    guard size == target.count else { throw DecompressionError("zstd decompress failed: size mismatch") }
    return size
  }
}
