import BorgSystem
import CZlib
import Glibc

/// Complete zlib streams, with the encoder kept between chunks. The streams lie in memory of their own because zlib
/// remembers their address.
final class Zlib {
  private let deflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private let inflater = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
  private var deflaterLevel: Int32?
  private var hasInflater = false

  /// `allocate`: where memory for decompressing comes from, if not from malloc.
  init(allocate: alloc_func? = nil) {
    deflater.initialize(to: z_stream())
    inflater.initialize(to: z_stream())
    inflater.pointee.zalloc = allocate
  }

  deinit {
    if deflaterLevel != nil { deflateEnd(deflater) }
    if hasInflater { inflateEnd(inflater) }
    deflater.deallocate()
    inflater.deallocate()
  }

  /// Room that surely suffices for `count` bytes at any level.
  static func bound(_ count: Int) -> Int { count + count >> 3 + count >> 8 + 64 }

  /// `target` must have `bound` bytes.
  func compress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, level: Int32) -> Int {
    prepareDeflater(level)
    Self.connect(deflater, source, target)
    let result = deflate(deflater, Z_FINISH)
    precondition(result == Z_STREAM_END, "zlib needs more than its bound")
    return target.count - Int(deflater.pointee.avail_out)
  }

  /// Nil when `target` is too small. Want of memory is no `DecompressionError`: the data may be in order.
  func decompress(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer) throws -> Int? {
    try prepareInflater()
    Self.connect(inflater, source, target)
    let result = inflate(inflater, Z_FINISH)
    if result == Z_STREAM_END { return target.count - Int(inflater.pointee.avail_out) }
    if result == Z_BUF_ERROR || result == Z_OK {
      if inflater.pointee.avail_out == 0 { return nil }
      throw DecompressionError("Error -5 while decompressing data: incomplete or truncated stream")
    }
    if result == Z_MEM_ERROR { throw SystemError(code: ENOMEM) }
    let reason = inflater.pointee.msg.map { ": " + String(cString: $0) } ?? ""
    throw DecompressionError("Error \(result) while decompressing data\(reason)")
  }

  private func prepareDeflater(_ level: Int32) {
    if deflaterLevel == level {
      deflateReset(deflater)
      return
    }
    if deflaterLevel != nil { deflateEnd(deflater) }
    let result = deflateInit_(deflater, level, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    precondition(result == Z_OK, "zlib does not start")
    deflaterLevel = level
  }

  private func prepareInflater() throws(SystemError) {
    if hasInflater {
      inflateReset(inflater)
      return
    }
    let result = inflateInit_(inflater, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard result != Z_MEM_ERROR else { throw SystemError(code: ENOMEM) }
    precondition(result == Z_OK, "zlib does not start")
    hasInflater = true
  }

  private static func connect(
    _ stream: UnsafeMutablePointer<z_stream>, _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer
  ) {
    stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = UInt32(source.count)
    stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = UInt32(target.count)
  }
}
