import BorgSystem
import CLZMA
import Glibc

/// .xz streams without an integrity check, and on reading also legacy .lzma files. The coder's memory is kept between
/// chunks.
final class LZMA {
  private let stream = UnsafeMutablePointer<lzma_stream>.allocate(capacity: 1)
  /// What a decoder may take, in bytes: the largest preset's dictionary is 64 MiB.
  private static let memoryLimit: UInt64 = 160 << 20
  /// LZMA_FILTER_LZMA2 and LZMA_VLI_UNKNOWN, which are casts that Swift does not see.
  private static let lzma2: UInt64 = 0x21
  private static let endOfFilters = UInt64.max

  /// `allocator`: where memory comes from, if not from malloc.
  init(allocator: UnsafePointer<lzma_allocator>? = nil) {
    stream.initialize(to: lzma_stream())
    stream.pointee.allocator = allocator
  }

  deinit {
    lzma_end(stream)
    stream.deallocate()
  }

  /// Nil when the result does not fit. The dictionary is no larger than the data, which decoders do not mind and which
  /// saves clearing megabytes for each small chunk.
  func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, level: Int32) -> Int? {
    var options = lzma_options_lzma()
    guard lzma_lzma_preset(&options, UInt32(level)) == 0 else { return nil }
    options.dict_size = min(options.dict_size, max(4096, UInt32(clamping: source.count)))
    let started = withUnsafeMutablePointer(to: &options) { options in
      let filters = [
        lzma_filter(id: Self.lzma2, options: options), lzma_filter(id: Self.endOfFilters, options: nil),
      ]
      return lzma_stream_encoder(stream, filters, LZMA_CHECK_NONE)
    }
    guard started == LZMA_OK else { return nil }
    connect(source, target)
    return lzma_code(stream, LZMA_FINISH) == LZMA_STREAM_END ? target.count - stream.pointee.avail_out : nil
  }

  /// Nil when `target` is too small. Want of memory is no `DecompressionError`: the data may be in order.
  func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws -> Int? {
    let started = lzma_auto_decoder(stream, Self.memoryLimit, 0)
    connect(source, target)
    switch started == LZMA_OK ? lzma_code(stream, LZMA_FINISH) : started {
    case LZMA_MEM_ERROR: throw SystemError(code: ENOMEM)
    case LZMA_STREAM_END: return target.count - stream.pointee.avail_out
    case LZMA_OK, LZMA_BUF_ERROR:
      if stream.pointee.avail_out == 0 { return nil }
      throw DecompressionError("Compressed data ended before the end-of-stream marker was reached")
    case LZMA_FORMAT_ERROR: throw DecompressionError("Input format not supported by decoder")
    case LZMA_DATA_ERROR: throw DecompressionError("Corrupt input data")
    case LZMA_MEMLIMIT_ERROR: throw DecompressionError("Memory usage limit exceeded")
    case LZMA_OPTIONS_ERROR: throw DecompressionError("Invalid or unsupported options")
    case let code: throw DecompressionError("Unrecognized error from liblzma: \(code.rawValue)")
    }
  }

  private func connect(_ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer) {
    stream.pointee.next_in = source.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_in = source.count
    stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = target.count
  }
}
