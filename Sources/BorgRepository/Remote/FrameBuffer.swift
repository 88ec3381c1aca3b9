import BorgFormat

/// Cuts a stream of msgpack values into the bytes of each, in whatever pieces they come. It keeps what has been looked at
/// already, so the time is linear; it holds at most `maximumBytes`.
struct FrameBuffer {
  /// Borg's own limit for what waits to be decoded.
  static let maximumBytes = 62_914_560
  private static let keptCapacity = 4 << 20

  private var bytes: [UInt8] = []
  private var head = 0
  private var scanner: FrameScanner

  init(bytesPerValue: Int = 0) { scanner = FrameScanner(bytesPerValue: bytesPerValue) }

  /// Bytes that wait for the rest of their value.
  var pendingByteCount: Int { bytes.count - head }

  /// The first of them.
  func pendingPrefix(_ count: Int) -> [UInt8] { Array(bytes[head...].prefix(count)) }

  mutating func append(_ new: some Sequence<UInt8>) {
    discardDecoded()
    bytes.append(contentsOf: new)
  }

  /// Decodes the next value out of its bytes; nil: more are needed. After an error the stream cannot be trusted.
  mutating func next<T>(
    _ decode: (UnsafeRawBufferPointer) throws(MessagePackReader.Failure) -> T
  ) throws(MessagePackReader.Failure) -> T? {
    guard pendingByteCount > 0 else { return nil }
    guard let size = try scan() else {
      guard pendingByteCount < FrameBuffer.maximumBytes else { throw .malformed("value too long") }
      return nil
    }
    let value = try frame(size, decode)
    head += size
    scanner = FrameScanner(bytesPerValue: scanner.bytesPerValue)
    return value
  }

  private mutating func scan() throws(MessagePackReader.Failure) -> Int? {
    var scanner = scanner
    defer { self.scanner = scanner }
    return try frame(pendingByteCount) { frame throws(MessagePackReader.Failure) in try scanner.scan(frame) }
  }

  private func frame<T>(
    _ size: Int, _ body: (UnsafeRawBufferPointer) throws(MessagePackReader.Failure) -> T
  ) throws(MessagePackReader.Failure) -> T {
    let result = bytes.withUnsafeBytes { bytes -> Result<T, MessagePackReader.Failure> in
      do throws(MessagePackReader.Failure) {
        return .success(try body(UnsafeRawBufferPointer(rebasing: bytes[head..<head + size])))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private mutating func discardDecoded() {
    if head == bytes.count {
      bytes.removeAll(keepingCapacity: bytes.capacity <= FrameBuffer.keptCapacity)
      head = 0
    } else if head >= FrameBuffer.keptCapacity || head > bytes.count / 2 {
      bytes.removeFirst(head)
      head = 0
    }
  }
}
