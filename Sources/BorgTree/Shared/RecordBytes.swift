/// Writes arrays of plain values one after another, as they lie in memory.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []

  /// `byteCount`: about how long it will be.
  init(reserving byteCount: Int = 0) { bytes.reserveCapacity(byteCount) }

  mutating func append<T: BitwiseCopyable>(_ values: [T]) {
    withUnsafeBytes(of: UInt64(values.count)) { bytes.append(contentsOf: $0) }
    values.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }
}

/// Reads what a `RecordWriter` has written, with the same types in the same order.
struct RecordReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isAtEnd: Bool { position == bytes.count }

  /// Nil: there is no such array. Any bytes must be a value of `T`.
  mutating func next<T: BitwiseCopyable>(_ type: T.Type) -> [T]? {
    bytes.withUnsafeBytes { bytes in
      guard bytes.count - position >= 8 else { return nil }
      let count = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      let stride = MemoryLayout<T>.stride
      guard count <= UInt64((bytes.count - position - 8) / stride) else { return nil }
      let start = position + 8
      position = start + Int(count) * stride
      return [T](unsafeUninitializedCapacity: Int(count)) { buffer, filled in
        UnsafeMutableRawBufferPointer(buffer).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
        filled = Int(count)
      }
    }
  }
}
