import BorgFormat
import Testing

@testable import BorgObjects

@Suite struct DigestTests {
  @Test func `one-shot hashes agree with published values`() {
    #expect(
      Hex.encode(Array("abc".utf8).withUnsafeBytes { Digest.sha256($0) })
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Hex.encode(Array("abc".utf8).withUnsafeBytes { Digest.sha512($0) })
        == "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f")
    // RFC 4231, test cases 2 and 6 (a key longer than a block).
    #expect(
      Hex.encode(
        Array("what do ya want for nothing?".utf8).withUnsafeBytes {
          Digest.hmacSHA512(key: Array("Jefe".utf8), $0)
        }
      ).hasPrefix("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"))
    let long = [UInt8](repeating: 0xaa, count: 131)
    let message = Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)
    #expect(
      Hex.encode(message.withUnsafeBytes { Digest.hmacSHA512(key: long, $0) })
        .hasPrefix("80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"))
    var code = [UInt8](repeating: 0, count: 32)
    let hmac = long.withUnsafeBytes { HMACSHA256(key: $0) }
    message.withUnsafeBytes { message in
      code.withUnsafeMutableBytes { hmac.code(of: message, into: $0.baseAddress!) }
    }
    #expect(Hex.encode(code) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  @Test(arguments: [
    ("md5", "900150983cd24fb0d6963f7d28e17f72"), ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("sha224", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
    ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "sha384", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
    ), ("sha3_224", "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf"),
    ("sha3_256", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    ("blake2s", "508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982"),
    (
      "blake2b",
      "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
    ), ("xxh64", "44bc2cf5ad770999"),
  ])
  func `streamed hashes agree with published values`(name: String, hex: String) throws {
    let digest = try #require(StreamingDigest(name: name))
    Array("a".utf8).withUnsafeBytes { digest.update($0) }
    Array("bc".utf8).withUnsafeBytes { digest.update($0) }
    #expect(digest.hexDigest() == hex)
    #expect(digest.hexDigest() == hex)
  }

  @Test func `every announced hash exists and no other`() {
    for name in StreamingDigest.names { #expect(StreamingDigest(name: name) != nil, "\(name)") }
    #expect(StreamingDigest(name: "crc32") == nil)
  }

  @Test func `equality and randomness`() {
    #expect(Digest.constantTimeEqual([1, 2], [1, 2]))
    #expect(!Digest.constantTimeEqual([1, 2], [1, 3]) && !Digest.constantTimeEqual([1], [1, 2]))
    #expect(Digest.constantTimeEqual([], []))
    #expect(Digest.randomBytes(32) != Digest.randomBytes(32) && Digest.randomBytes(5).count == 5)
  }
}
