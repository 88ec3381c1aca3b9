/// One-shot hashes over whole buffers, from libcrypto and libsodium.
public enum Digest {
  public static func sha256(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { fatalError("contract: BorgObjects") }
  public static func sha512(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { fatalError("contract: BorgObjects") }
  public static func hmacSHA512(key: [UInt8], _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    fatalError("contract: BorgObjects")
  }
  public static func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { fatalError("contract: BorgObjects") }
  public static func randomBytes(_ count: Int) -> [UInt8] { fatalError("contract: BorgObjects") }
}

/// A streaming hash by Borg's format-key name: md5 sha1 sha224 sha256 sha384 sha512 sha3_* blake2b blake2s xxh64.
public final class StreamingDigest {
  public static let names = [
    "blake2b", "blake2s", "md5", "sha1", "sha224", "sha256", "sha384", "sha3_224", "sha3_256", "sha3_384", "sha3_512",
    "sha512", "xxh64",
  ]
  public init?(name: String) { fatalError("contract: BorgObjects") }
  public func update(_ bytes: UnsafeRawBufferPointer) { fatalError("contract: BorgObjects") }
  public func hexDigest() -> String { fatalError("contract: BorgObjects") }
}
