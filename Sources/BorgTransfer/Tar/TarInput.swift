import BorgArchive
import BorgSystem
import Glibc

/// Reads a tar stream: small pieces from a buffer, large contents straight into the caller's memory.
final class TarInput {
  private static let bufferSize = 256 << 10

  private let descriptor: Int32
  private let interruption: Interruption
  private let buffer: UnsafeMutableRawBufferPointer
  private var start = 0
  private var end = 0

  init(_ descriptor: Int32, interruption: Interruption) {
    self.descriptor = descriptor
    self.interruption = interruption
    buffer = .allocate(byteCount: Self.bufferSize, alignment: 4096)
  }

  deinit { buffer.deallocate() }

  /// Fills the memory, unless the stream ends before; returns the bytes read.
  func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
    var done = 0
    while done < target.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
      if start < end {
        let count = min(rest.count, end - start)
        rest.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<start + count]))
        start += count
        done += count
      } else if rest.count >= Self.bufferSize {
        let count = try readSome(rest)
        if count == 0 { break }
        done += count
      } else {
        (start, end) = (0, try readSome(buffer))
        if end == 0 { break }
      }
    }
    return done
  }

  /// Exactly so many bytes. Throws when the stream ends before.
  func bytes(_ count: Int) throws -> [UInt8] {
    let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      initialized = try read(into: UnsafeMutableRawBufferPointer(buffer))
    }
    guard bytes.count == count else { throw TarReader.damage("unexpected end of data") }
    return bytes
  }

  /// Throws when the stream ends before.
  func skip(_ count: Int64) throws {
    var left = count
    while left > 0 {
      if start == end {
        (start, end) = (0, try readSome(buffer))
        if end == 0 { throw TarReader.damage("unexpected end of data") }
      }
      let step = min(left, Int64(end - start))
      start += Int(step)
      left -= step
    }
  }

  private func readSome(_ target: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      if interruption.isAbortRequested { throw Interruption.Aborted() }
      let count = Glibc.read(descriptor, target.baseAddress, min(target.count, 4 << 20))
      if count >= 0 { return count }
      if errno != EINTR { throw SystemError.last() }
    }
  }
}
