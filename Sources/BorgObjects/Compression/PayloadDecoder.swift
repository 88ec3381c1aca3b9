/// Payloads to plain bytes (chunks.md section 3). Every size is checked before memory is taken for it.
struct PayloadDecoder {
  let workspace: CodecWorkspace

  /// The most that one object may decompress to; LZ4's limit in Borg, and ours for every method.
  static let maximumSize = 1 << 27
  private static let maximumNesting = 16

  /// What is known of the plaintext's size, in bytes.
  struct Sizes {
    /// What it should be, if somebody knows.
    var hint: Int?
    /// The most that it may be.
    var maximum = PayloadDecoder.maximumSize
  }

  static func check(_ size: Int, _ sizes: Sizes) throws(DecompressionError) {
    guard size <= sizes.maximum else { throw DecompressionError("\(size) bytes where \(sizes.maximum) are expected") }
  }

  /// Throws `DecompressionError`, `UnknownMethod` for a payload that no method claims, and `SystemError` where memory is
  /// wanting.
  func plain(_ payload: UnsafeRawBufferPointer, _ sizes: Sizes) throws -> [UInt8] {
    var payload = payload
    for _ in 0...Self.maximumNesting {
      guard let method = PayloadMethod(payload) else { throw UnknownMethod(payload) }
      let data = UnsafeRawBufferPointer(rebasing: payload[method.headerSize...])
      guard method == .obfuscate else { return try plain(data, method, sizes) }
      payload = try Self.inner(data)
    }
    throw DecompressionError("obfuscated too many times")
  }

  /// No method claims these bytes.
  struct UnknownMethod: Error, CustomStringConvertible {
    var start: [UInt8]
    init(_ payload: UnsafeRawBufferPointer) { start = Array(payload.prefix(2)) }
    var description: String {
      "No decompressor for this data found: \(start.map { String($0, radix: 16) }.joined(separator: " "))"
    }
  }

  private func plain(_ data: UnsafeRawBufferPointer, _ method: PayloadMethod, _ sizes: Sizes) throws -> [UInt8] {
    switch method {
    case .none:
      try Self.check(data.count, sizes)
      return Array(data)
    case .zstd:
      let size = try Zstd.announcedSize(data, limit: Self.maximumSize)
      try Self.check(size, sizes)
      return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = try workspace.zstd.decompress(data, into: UnsafeMutableRawBufferPointer(buffer))
      }
    case .lz4: return try grown(data, sizes, failure: "lz4 decompress failed") { LZ4.decompress(data, into: $0) }
    case .zlib: return try grown(data, sizes) { try workspace.zlib.decompress(data, into: $0) }
    case .lzma: return try grown(data, sizes) { try workspace.lzma.decompress(data, into: $0) }
    case .obfuscate: preconditionFailure("peeled by the caller")
    }
  }

  /// Decodes what does not tell its size: into just the hinted room, else into the workspace's buffer, which grows.
  private func grown(
    _ data: UnsafeRawBufferPointer, _ sizes: Sizes, failure: String = "decompressed data is too large",
    _ decode: (UnsafeMutableRawBufferPointer) throws -> Int?
  ) throws -> [UInt8] {
    if let sizeHint = sizes.hint, sizeHint > 0, sizeHint <= min(sizes.maximum, max(1 << 23, data.count << 10)),
      let plain = try exactly(sizeHint, decode)
    {
      return plain
    }
    var capacity = max(9_227_468, 3 * data.count)
    while capacity <= Self.maximumSize {
      let room = workspace.growing.room(min(capacity, max(1, sizes.maximum)))
      if let size = try decode(room) {
        try Self.check(size, sizes)
        return Array(UnsafeRawBufferPointer(rebasing: room[..<size]))
      }
      if room.count < capacity { break }
      capacity += capacity / 2
    }
    throw DecompressionError(failure)
  }

  private func exactly(_ size: Int, _ decode: (UnsafeMutableRawBufferPointer) throws -> Int?) throws -> [UInt8]? {
    var fits = false
    let plain = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      if let size = try decode(UnsafeMutableRawBufferPointer(buffer)) {
        fits = true
        count = size
      }
    }
    return fits ? plain : nil
  }

  private static func inner(_ data: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
    guard data.count >= 4 else { throw DecompressionError("obfuscated payload is too short") }
    let count = Int(UInt32(bigEndian: data.loadUnaligned(as: UInt32.self)))
    guard count <= data.count - 4 else { throw DecompressionError("obfuscated payload is too short") }
    return UnsafeRawBufferPointer(rebasing: data[4..<4 + count])
  }
}
