import CSodium

/// Memory for secrets: locked where the system allows it, between guard pages, wiped when its holder lets go.
final class SecretMemory {
  let bytes: UnsafeMutableRawBufferPointer

  /// `count` is rounded up to whole cache lines, which also aligns it to them.
  init(count: Int) {
    Sodium.initialize()
    let size = (count + 63) & ~63
    // Like every allocation of Swift's own: a process that gets no memory for a few hundred bytes cannot go on.
    guard let memory = sodium_malloc(size) else { fatalError("out of memory") }
    bytes = UnsafeMutableRawBufferPointer(start: memory, count: size)
  }

  deinit { sodium_free(bytes.baseAddress) }

  static func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
    if let base = bytes.baseAddress { sodium_memzero(base, bytes.count) }
  }
}

enum Sodium {
  private static let result = sodium_init()

  /// Chooses libsodium's fastest code for this processor, once a process. Cheap afterwards.
  static func initialize() { precondition(result >= 0, "libsodium does not start") }
}
