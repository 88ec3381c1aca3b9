/// Streaming XXH64, seed 0.
public struct XXHash64: Sendable {
  private static let prime1: UInt64 = 0x9e37_79b1_85eb_ca87
  private static let prime2: UInt64 = 0xc2b2_ae3d_27d4_eb4f
  private static let prime3: UInt64 = 0x1656_67b1_9e37_79f9
  private static let prime4: UInt64 = 0x85eb_ca77_c2b2_ae63
  private static let prime5: UInt64 = 0x27d4_eb2f_1656_67c5
  private static let stripeSize = 32

  private var lanes: SIMD4<UInt64>
  private var pending: SIMD4<UInt64> = .zero
  private var pendingCount = 0
  private var totalCount: UInt64 = 0

  public init() {
    lanes = SIMD4(Self.prime1 &+ Self.prime2, Self.prime2, 0, 0 &- Self.prime1)
  }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    totalCount &+= UInt64(bytes.count)
    var rest = bytes
    if pendingCount > 0 {
      rest = fillPending(from: rest)
      guard pendingCount == Self.stripeSize else { return }
      let stripe = pending
      withUnsafeBytes(of: stripe) { consumeStripes($0) }
      pendingCount = 0
    }
    let whole = rest.count / Self.stripeSize * Self.stripeSize
    consumeStripes(UnsafeRawBufferPointer(rebasing: rest[..<whole]))
    _ = fillPending(from: UnsafeRawBufferPointer(rebasing: rest[whole...]))
  }

  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The hash of everything so far; hashing may go on.
  public func digest() -> UInt64 {
    var hash = totalCount < UInt64(Self.stripeSize) ? Self.prime5 : convergence
    hash &+= totalCount
    withUnsafeBytes(of: pending) { Self.addRest(UnsafeRawBufferPointer(rebasing: $0[..<pendingCount]), to: &hash) }
    hash = (hash ^ hash >> 33) &* Self.prime2
    hash = (hash ^ hash >> 29) &* Self.prime3
    return hash ^ hash >> 32
  }

  /// The digest as Borg writes it: 16 hex digits, most significant first.
  public var hexDigest: String { withUnsafeBytes(of: digest().bigEndian) { Hex.encode($0) } }

  /// Moves as much as fits into the pending stripe; returns what is left.
  private mutating func fillPending(from bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let count = min(Self.stripeSize - pendingCount, bytes.count)
    let start = pendingCount
    withUnsafeMutableBytes(of: &pending) { stripe in
      UnsafeMutableRawBufferPointer(rebasing: stripe[start...]).copyBytes(from: bytes[..<count])
    }
    pendingCount += count
    return UnsafeRawBufferPointer(rebasing: bytes[count...])
  }

  private mutating func consumeStripes(_ bytes: UnsafeRawBufferPointer) {
    var (a, b, c, d) = (lanes[0], lanes[1], lanes[2], lanes[3])
    var offset = 0
    while offset < bytes.count {
      a = Self.round(a, Self.word(bytes, offset))
      b = Self.round(b, Self.word(bytes, offset + 8))
      c = Self.round(c, Self.word(bytes, offset + 16))
      d = Self.round(d, Self.word(bytes, offset + 24))
      offset += Self.stripeSize
    }
    lanes = SIMD4(a, b, c, d)
  }

  private var convergence: UInt64 {
    var hash = Self.rotate(lanes[0], 1) &+ Self.rotate(lanes[1], 7)
    hash &+= Self.rotate(lanes[2], 12) &+ Self.rotate(lanes[3], 18)
    for lane in 0..<4 { hash = (hash ^ Self.round(0, lanes[lane])) &* Self.prime1 &+ Self.prime4 }
    return hash
  }

  private static func addRest(_ bytes: UnsafeRawBufferPointer, to hash: inout UInt64) {
    var offset = 0
    while offset + 8 <= bytes.count {
      hash = rotate(hash ^ round(0, word(bytes, offset)), 27) &* prime1 &+ prime4
      offset += 8
    }
    if offset + 4 <= bytes.count {
      let half = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      hash = rotate(hash ^ (UInt64(half) &* prime1), 23) &* prime2 &+ prime3
      offset += 4
    }
    while offset < bytes.count {
      hash = rotate(hash ^ (UInt64(bytes[offset]) &* prime5), 11) &* prime1
      offset += 1
    }
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
    word &<< count | word &>> (64 &- count)
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
