import BorgFormat
import BorgSystem

/// Reads `index.N` piece by piece.
struct IndexFileReader {
  private let file: File
  private static let pieceSize = 16384 * LocationTable.bucketSize

  init(_ file: File) { self.file = file }

  /// Every byte of the file passes through `observe`, in order. Throws `FormatError`.
  func locations(_ observe: (UnsafeRawBufferPointer) -> Void) throws -> LocationTable {
    let size = Int(try file.size())
    var rest = size - HashIndex.headerSize
    var buffer = [UInt8](repeating: 0, count: HashIndex.headerSize)
    var table = try read(into: &buffer) { bytes in
      observe(bytes)
      return try LocationTable(fileSize: size, header: bytes)
    }
    while rest > 0 {
      let count = min(rest, IndexFileReader.pieceSize)
      if buffer.count != count { buffer = [UInt8](repeating: 0, count: count) }
      try read(into: &buffer) { bytes in
        observe(bytes)
        try table.add(buckets: bytes)
      }
      rest -= count
    }
    return table
  }

  private func read<R>(into buffer: inout [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R) throws -> R {
    let wanted = buffer.count
    let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
    guard count == wanted else { throw FormatError("hash index: file has a wrong length") }
    return try buffer.withUnsafeBytes { try body($0) }
  }
}
