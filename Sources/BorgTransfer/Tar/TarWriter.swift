import BorgSystem
import Glibc

/// Writes a tar stream in large pieces.
final class TarWriter {
  private static let bufferSize = 1 << 20

  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var written: Int64 = 0

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    buffer.reserveCapacity(Self.bufferSize + 65_536)
  }

  /// The header, and behind it as many bytes of content as it says, by `write`.
  func begin(_ header: TarHeader) throws {
    try write(header.encoded())
  }

  func write(_ bytes: [UInt8]) throws {
    written += Int64(bytes.count)
    if bytes.count >= 65_536 {
      try flush()
      try bytes.withUnsafeBytes { try writeOut($0) }
    } else {
      buffer += bytes
      if buffer.count >= Self.bufferSize { try flush() }
    }
  }

  /// Fills up the last block of a content of so many bytes.
  func pad(after size: Int64) throws {
    try write([UInt8](repeating: 0, count: TarFormat.padding(after: size)))
  }

  /// Two empty blocks, and the rest of a record.
  func finish() throws {
    try write([UInt8](repeating: 0, count: 2 * TarFormat.blockSize))
    let rest = Int(written % Int64(TarFormat.recordSize))
    if rest > 0 { try write([UInt8](repeating: 0, count: TarFormat.recordSize - rest)) }
    try flush()
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { try writeOut($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeOut(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
      if count >= 0 {
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      } else if errno != EINTR {
        throw SystemError.last()
      }
    }
  }
}
