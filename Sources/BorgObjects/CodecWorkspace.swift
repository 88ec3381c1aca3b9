/// Compression contexts and scratch buffers that a thread keeps from one chunk to the next. Not for two threads.
public final class CodecWorkspace {
  lazy var zstd = Zstd()
  lazy var zlib = Zlib()
  lazy var lzma = LZMA()
  /// `auto`'s first attempt.
  let trial = ScratchBuffer()
  /// Decrypted payloads.
  let payload = ScratchBuffer()
  /// Plaintexts of unknown size.
  let growing = ScratchBuffer()
  private var cipher: (key: Key, cipher: CounterCipher)?

  public init() {}

  /// The cipher for `key`, keyed the first time it is asked for.
  func cipher(for key: Key) -> CounterCipher {
    if let cipher, cipher.key === key { return cipher.cipher }
    let made = CounterCipher(key: key.material.encryptionKey)
    cipher = (key, made)
    return made
  }
}

/// Memory that is asked for again and again; what was in it is not kept.
final class ScratchBuffer {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { memory.deallocate() }

  /// Exactly `count` bytes at an address, valid until the next call.
  func room(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if memory.count < max(count, 1) {
      memory.deallocate()
      memory = .allocate(byteCount: max(count, 1 << 16), alignment: 64)
    }
    return UnsafeMutableRawBufferPointer(rebasing: memory[..<count])
  }
}
