/// PBKDF2 with HMAC-SHA256 (RFC 8018): passphrases to keys. Runs on whole SHA-256 blocks, since every round's two
/// messages are 32 bytes after one block of key: four times as fast as a general HMAC.
struct KeyDerivation {
  private let code: HMACSHA256

  init(passphrase: [UInt8]) {
    code = passphrase.withUnsafeBytes { HMACSHA256(key: $0) }
  }

  /// `count` bytes of key. `iterations` must be positive.
  func key(salt: [UInt8], iterations: Int, count: Int) -> [UInt8] {
    precondition(iterations > 0)
    var key: [UInt8] = []
    var number: UInt32 = 1
    while key.count < count {
      let block = self.block(number, salt: salt, iterations: iterations)
      for index in 0..<8 { withUnsafeBytes(of: block[index].bigEndian) { key.append(contentsOf: $0) } }
      number += 1
    }
    key.removeLast(key.count - count)
    return key
  }

  private func block(_ number: UInt32, salt: [UInt8], iterations: Int) -> SIMD8<UInt32> {
    var words = first(salt + withUnsafeBytes(of: number.bigEndian) { Array($0) })
    var sum = words
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 16) { message in
      // A 32-byte message after one block: the padding says 96 bytes, in bits.
      message.initialize(repeating: 0)
      message[8] = UInt32(0x8000_0000).bigEndian
      message[15] = UInt32(96 * 8).bigEndian
      for _ in 1..<iterations {
        words = round(words, message)
        sum ^= words
      }
      message.update(repeating: 0)
    }
    return sum
  }

  private func first(_ message: [UInt8]) -> SIMD8<UInt32> {
    withUnsafeTemporaryAllocation(byteCount: SHA256.byteCount, alignment: 8) { target in
      message.withUnsafeBytes { code.code(of: $0, into: target.baseAddress!) }
      var words = SIMD8<UInt32>()
      for index in 0..<8 { words[index] = UInt32(bigEndian: target.load(fromByteOffset: 4 * index, as: UInt32.self)) }
      return words
    }
  }

  private func round(_ words: SIMD8<UInt32>, _ message: UnsafeMutableBufferPointer<UInt32>) -> SIMD8<UInt32> {
    var inner = code.inner
    store(words, into: message)
    inner.transform(UnsafeRawPointer(message.baseAddress!))
    var outer = code.outer
    store(inner.words, into: message)
    outer.transform(UnsafeRawPointer(message.baseAddress!))
    return outer.words
  }

  private func store(_ words: SIMD8<UInt32>, into message: UnsafeMutableBufferPointer<UInt32>) {
    for index in 0..<8 { message[index] = words[index].bigEndian }
  }
}
