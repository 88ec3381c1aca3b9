import CCrypto

/// AES-256 in counter mode, keyed once and started anew for each message. Not for two threads.
final class CounterCipher {
  private let context: OpaquePointer

  /// `key` must hold 32 bytes.
  init(key: UnsafeRawBufferPointer) {
    precondition(key.count == 32)
    // libcrypto's own configuration file has no say here, and reading it would cost every command a millisecond.
    OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_LOAD_CONFIG), nil)
    // Like every allocation of Swift's own: a process that gets no memory for a few hundred bytes cannot go on.
    guard let context = EVP_CIPHER_CTX_new() else { fatalError("out of memory") }
    self.context = context
    let result = EVP_EncryptInit_ex(
      context, EVP_aes_256_ctr(), nil, key.assumingMemoryBound(to: UInt8.self).baseAddress, nil)
    precondition(result == 1, "libcrypto offers no AES-256-CTR")
  }

  deinit { EVP_CIPHER_CTX_free(context) }

  /// Begins a message whose counter block is eight zero bytes and then `counter`, big-endian.
  func start(counter: UInt64) {
    let block = (UInt64(0), counter.bigEndian)
    withUnsafeBytes(of: block) { block in
      let result = EVP_EncryptInit_ex(
        context, nil, nil, nil, block.assumingMemoryBound(to: UInt8.self).baseAddress)
      precondition(result == 1)
    }
  }

  /// En- or decrypts the message's next bytes; `target` may be `source`. At most `Int32.max` bytes.
  func apply(_ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) {
    guard let base = source.baseAddress, !source.isEmpty else { return }
    var written: Int32 = 0
    let result = EVP_EncryptUpdate(
      context, target.assumingMemoryBound(to: UInt8.self), &written, base.assumingMemoryBound(to: UInt8.self),
      Int32(source.count))
    precondition(result == 1 && Int(written) == source.count)
  }
}
