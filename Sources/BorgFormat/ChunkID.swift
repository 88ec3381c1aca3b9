/// The 32-byte id of a stored object: the keyed hash of its plaintext, or all zeros for the manifest.
public struct ChunkID: Hashable, Sendable {
  /// The id's bytes as four little-endian words, first bytes first.
  public var words: (UInt64, UInt64, UInt64, UInt64)

  public static let byteCount = 32
  /// The id under which every repository keeps its manifest.
  public static let manifest = ChunkID(words: (0, 0, 0, 0))

  public init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  /// Copies 32 bytes from `source`, which must hold at least that many.
  public init(loading source: UnsafeRawBufferPointer) {
    precondition(source.count >= ChunkID.byteCount)
    words = (
      UInt64(littleEndian: source.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
      UInt64(littleEndian: source.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
      UInt64(littleEndian: source.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
      UInt64(littleEndian: source.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    )
  }

  /// Nil unless there are exactly 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == ChunkID.byteCount else { return nil }
    self = bytes.withUnsafeBytes { ChunkID(loading: $0) }
  }

  /// Nil unless `hex` is 64 hex digits.
  public init?(hex: String) {
    guard let bytes = Hex.decode(hex) else { return nil }
    self.init(bytes)
  }

  public func store(into target: UnsafeMutableRawBufferPointer) {
    precondition(target.count >= ChunkID.byteCount)
    target.storeBytes(of: words.0.littleEndian, toByteOffset: 0, as: UInt64.self)
    target.storeBytes(of: words.1.littleEndian, toByteOffset: 8, as: UInt64.self)
    target.storeBytes(of: words.2.littleEndian, toByteOffset: 16, as: UInt64.self)
    target.storeBytes(of: words.3.littleEndian, toByteOffset: 24, as: UInt64.self)
  }

  public var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: ChunkID.byteCount) { buffer, count in
      store(into: UnsafeMutableRawBufferPointer(buffer))
      count = ChunkID.byteCount
    }
  }

  public var hex: String { Hex.encode(bytes) }

  /// The id's first four bytes as a little-endian number: where Borg's hash tables begin to probe.
  @inlinable public var probeStart: UInt32 { UInt32(truncatingIfNeeded: words.0) }

  @inlinable public static func == (a: ChunkID, b: ChunkID) -> Bool {
    (a.words.0 ^ b.words.0) | (a.words.1 ^ b.words.1) | (a.words.2 ^ b.words.2) | (a.words.3 ^ b.words.3) == 0
  }

  @inlinable public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
  }
}
