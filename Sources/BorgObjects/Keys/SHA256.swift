import CCrypto

/// SHA-256 as a plain value: libcrypto's one-block calls, which need neither a fetch nor an allocation.
struct SHA256 {
  static let byteCount = 32
  static let blockSize = 64

  private var context = SHA256_CTX()

  init() { SHA256_Init(&context) }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    SHA256_Update(&context, bytes.baseAddress, bytes.count)
  }

  /// Writes 32 bytes and ends this value's use.
  mutating func finish(into target: UnsafeMutableRawPointer) {
    SHA256_Final(target.assumingMemoryBound(to: UInt8.self), &context)
  }

  /// The eight words of the state after whole blocks.
  var words: SIMD8<UInt32> {
    let h = context.h
    return SIMD8(h.0, h.1, h.2, h.3, h.4, h.5, h.6, h.7)
  }

  /// Runs one block of 64 bytes and nothing else: no padding, no count.
  mutating func transform(_ block: UnsafeRawPointer) {
    SHA256_Transform(&context, block.assumingMemoryBound(to: UInt8.self))
  }
}

/// HMAC-SHA256 with the key's two blocks already hashed, so that a message costs only itself and one block more.
struct HMACSHA256 {
  private(set) var inner = SHA256()
  private(set) var outer = SHA256()

  init(key: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(byteCount: SHA256.blockSize, alignment: 8) { block in
      block.initializeMemory(as: UInt8.self, repeating: 0)
      if key.count > SHA256.blockSize {
        Digest.sha256(key, into: block.baseAddress!)
      } else {
        block.copyMemory(from: key)
      }
      for index in block.indices { block[index] ^= 0x36 }
      inner.update(UnsafeRawBufferPointer(block))
      for index in block.indices { block[index] ^= 0x36 ^ 0x5c }
      outer.update(UnsafeRawBufferPointer(block))
      SecretMemory.wipe(block)
    }
  }

  /// Writes the 32-byte code of `message`.
  func code(of message: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
    var inner = inner
    inner.update(message)
    inner.finish(into: target)
    var outer = outer
    outer.update(UnsafeRawBufferPointer(start: target, count: SHA256.byteCount))
    outer.finish(into: target)
  }
}
