import BorgFormat
import CCrypto
import CSodium

/// One-shot hashes over whole buffers, from libcrypto and libsodium.
public enum Digest {
  public static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    output(SHA256.byteCount) { sha256(bytes, into: $0) }
  }

  static func sha256(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
    var hash = SHA256()
    hash.update(bytes)
    hash.finish(into: target)
  }

  public static func sha512(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    output(64) { target in
      var context = SHA512_CTX()
      SHA512_Init(&context)
      SHA512_Update(&context, bytes.baseAddress, bytes.count)
      SHA512_Final(target.assumingMemoryBound(to: UInt8.self), &context)
    }
  }

  public static func hmacSHA512(key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    let blockSize = 128
    var block = key.count > blockSize ? key.withUnsafeBytes { sha512($0) } : key
    block += [UInt8](repeating: 0, count: blockSize - block.count)
    defer { block.withUnsafeMutableBytes { SecretMemory.wipe($0) } }
    var inner = block.map { $0 ^ 0x36 }
    inner.append(contentsOf: bytes)
    var outer = block.map { $0 ^ 0x5c }
    outer += inner.withUnsafeBytes { sha512($0) }
    inner.withUnsafeMutableBytes { SecretMemory.wipe($0) }
    defer { outer.withUnsafeMutableBytes { SecretMemory.wipe($0) } }
    return outer.withUnsafeBytes { sha512($0) }
  }

  /// Whether both hold the same bytes; the time tells nothing about where they differ.
  public static func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && sodium_memcmp(a, b, a.count) == 0
  }

  public static func randomBytes(_ count: Int) -> [UInt8] {
    Sodium.initialize()
    return output(count) { randombytes_buf($0, count) }
  }

  private static func output(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { fill(UnsafeMutableRawPointer(base)) }
      initialized = count
    }
  }
}

/// A streaming hash by Borg's format-key name: md5 sha1 sha224 sha256 sha384 sha512 sha3_* blake2b blake2s xxh64.
public final class StreamingDigest {
  public static let names = [
    "blake2b", "blake2s", "md5", "sha1", "sha224", "sha256", "sha384", "sha3_224", "sha3_256", "sha3_384", "sha3_512",
    "sha512", "xxh64",
  ]

  private enum State {
    case libcrypto(OpaquePointer)
    case xxh64(XXHash64)
  }

  private var state: State

  /// Nil for a name that is not one of `names`, and for a hash that this system's libcrypto does not offer.
  public init?(name: String) {
    guard Self.names.contains(name) else { return nil }
    if name == "xxh64" {
      state = .xxh64(XXHash64())
    } else {
      guard let context = Self.context(for: name) else { return nil }
      state = .libcrypto(context)
    }
  }

  deinit {
    if case .libcrypto(let context) = state { EVP_MD_CTX_free(context) }
  }

  public func update(_ bytes: UnsafeRawBufferPointer) {
    switch state {
    case .libcrypto(let context): EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
    case .xxh64(var hash):
      hash.update(bytes)
      state = .xxh64(hash)
    }
  }

  /// The hash of everything so far, in hex. More may follow.
  public func hexDigest() -> String {
    switch state {
    case .libcrypto(let context): Hex.encode(Self.digest(context))
    case .xxh64(let hash):
      Hex.encode(stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: hash.digest() >> UInt64($0)) })
    }
  }

  private static func context(for name: String) -> OpaquePointer? {
    guard let algorithm = EVP_get_digestbyname(libcryptoName(name)), let context = EVP_MD_CTX_new() else { return nil }
    guard EVP_DigestInit_ex(context, algorithm, nil) == 1 else {
      EVP_MD_CTX_free(context)
      return nil
    }
    return context
  }

  private static func digest(_ context: OpaquePointer) -> [UInt8] {
    guard let copy = EVP_MD_CTX_new(), EVP_MD_CTX_copy_ex(copy, context) == 1 else {
      preconditionFailure("libcrypto cannot copy a hash")
    }
    defer { EVP_MD_CTX_free(copy) }
    return [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
      var length: UInt32 = 0
      EVP_DigestFinal_ex(copy, buffer.baseAddress, &length)
      count = Int(length)
    }
  }

  private static func libcryptoName(_ name: String) -> String {
    switch name {
    case "blake2b": "BLAKE2b512"
    case "blake2s": "BLAKE2s256"
    case _ where name.hasPrefix("sha3_"): "SHA3-" + name.dropFirst(5)
    default: name.uppercased()
    }
  }
}
