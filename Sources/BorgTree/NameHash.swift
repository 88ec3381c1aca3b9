/// A keyed hash of byte strings. The key is a secret, so that names in an archive cannot be chosen to collide: random in
/// every process, or that of an index that holds hashes.
struct NameHash: Sendable {
  private let key: UInt64
  private let multiplier: UInt64

  init() {
    var random = SystemRandomNumberGenerator()
    key = random.next()
    multiplier = random.next() | 1
  }

  init(key: (UInt64, UInt64)) {
    self.key = key.0
    multiplier = key.1 | 1
  }

  func callAsFunction(_ bytes: UnsafeRawBufferPointer, _ context: UInt32 = 0) -> UInt32 {
    let wide = wide(bytes, context)
    return UInt32(truncatingIfNeeded: wide ^ wide >> 32)
  }

  /// All 64 bits.
  func wide(_ bytes: UnsafeRawBufferPointer, _ context: UInt32 = 0) -> UInt64 {
    var state = key ^ (UInt64(context) &+ 1) &* 0x9E37_79B9_7F4A_7C15
    var index = 0
    while index &+ 8 <= bytes.count {
      state = mix(state ^ bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
      index &+= 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
      tail = tail << 8 | UInt64(bytes[index])
      index &+= 1
    }
    state = mix(state ^ tail)
    return mix(state ^ UInt64(truncatingIfNeeded: bytes.count) &* 0xD6E8_FEB8_6659_FD93)
  }

  private func mix(_ value: UInt64) -> UInt64 {
    let product = (value ^ key).multipliedFullWidth(by: multiplier)
    return product.high ^ product.low
  }
}
