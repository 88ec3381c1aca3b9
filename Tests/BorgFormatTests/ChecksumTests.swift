import BorgTesting
import Testing

@testable import BorgFormat

struct ChecksumTests {
  /// The bytes are i * 7 + 3; the values are Borg's.
  @Test(arguments: [
    (0, "ef46db3751d8e999"), (1, "1f25c8d0bc1f4bb6"), (3, "31d2363f52e564c9"), (4, "9bb64b7d66ee9fda"),
    (8, "dab99d95c6f90092"), (12, "d52e407833af5133"), (31, "a2aa5f33cc4a6119"), (32, "23c3c17ef790fd97"),
    (33, "50a7cfc7ba588784"), (63, "5e3e54b431c7493c"), (64, "0eb64b3ef6eeb01f"), (100, "a61f8d4c170fe531"),
    (1000, "5f235fa033f1a3fb"),
  ])
  func `XXH64 gives Borg's values`(count: Int, digest: String) {
    var hash = XXHash64()
    hash.update((0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) })
    #expect(hash.hexDigest == digest)
  }

  /// The vector called `hello` is of `hello world` and a newline; that of 1000 bytes needs SHA-256 and so another room.
  @Test func `XXH64 gives the vectors' values`() throws {
    let vectors = try #require(try Fixtures.vectors("caches")["xxh64_seed_0"]?.arrayValue)
    var hash = XXHash64()
    #expect(hash.hexDigest == vectors[0]["xxh64"]?.stringValue)
    hash.update(Array("hello world\n".utf8))
    #expect(hash.hexDigest == vectors[1]["xxh64"]?.stringValue)
  }

  @Test func `XXH64 does not depend on how the data is cut`() {
    let data = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 3) }
    for count in [1, 3, 4, 7, 8, 31, 32, 33, 63, 64, 100, 1000] {
      var whole = XXHash64()
      whole.update(Array(data[..<count]))
      for step in [1, 5, 31, 32, 33, 64] {
        var cut = XXHash64()
        for start in stride(from: 0, to: count, by: step) {
          cut.update(Array(data[start..<min(start + step, count)]))
          _ = cut.digest()
        }
        #expect(cut.digest() == whole.digest())
      }
    }
  }

  @Test func `integrity data has the digests that Borg writes`() throws {
    let vectors = try Fixtures.vectors("caches")
    for vector in try #require(vectors["integrity"]?.arrayValue) {
      let content = try #require(Hex.decode(vector["content"]?.stringValue ?? ""))
      let name = try #require(vector["file_name"]?.stringValue)
      let data = content.withUnsafeBytes { IntegrityData(fileName: name, file: $0, headerLength: nil) }
      #expect(data.json == vector["integrity"]?.stringValue)
      let read = try #require(IntegrityData(json: data.json))
      #expect(content.withUnsafeBytes { read.verifies(fileName: name, file: $0, headerLength: nil) })
      #expect(content.withUnsafeBytes { !read.verifies(fileName: name + "x", file: $0, headerLength: nil) })
      #expect((content + [0]).withUnsafeBytes { !read.verifies(fileName: name, file: $0, headerLength: nil) })
    }
    let files = try #require(vectors["files_cache"])
    let content = try #require(Hex.decode(files["content"]?.stringValue ?? ""))
    let data = try #require(IntegrityData(json: files["integrity"]?.stringValue ?? ""))
    #expect(content.withUnsafeBytes { data.verifies(fileName: "files", file: $0, headerLength: nil) })
  }

  @Test(arguments: ["XXH64", "SHA512"]) func `a file may come in pieces`(algorithm: String) throws {
    let file = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 37) }
    func digests(_ file: [UInt8], step: Int) -> [String: String] {
      let empty = IntegrityData(json: #"{"algorithm": "\#(algorithm)", "digests": {"final": ""}}"#)
      guard var running = empty?.running(fileName: "index.1", headerLength: 18) else { return [:] }
      for start in stride(from: 0, to: file.count, by: step) {
        Array(file[start..<min(start + step, file.count)]).withUnsafeBytes { running.update($0) }
      }
      return Dictionary(running.finished(), uniquingKeysWith: { $1 })
    }
    let whole = digests(file, step: 1000)
    #expect(whole.count == 2)
    for step in [1, 17, 18, 19, 500] { #expect(digests(file, step: step) == whole) }
    #expect(digests(Array(file[..<17]), step: 5).count == 1)
    let expected = file.withUnsafeBytes { IntegrityData(fileName: "index.1", file: $0, headerLength: 18) }
    if algorithm == "XXH64" { #expect(Dictionary(expected.digests, uniquingKeysWith: { $1 }) == whole) }
  }

  @Test func `a missing part fails and an unknown algorithm is not checked`() throws {
    let file = [UInt8](repeating: 1, count: 40)
    var data = file.withUnsafeBytes { IntegrityData(fileName: "index.1", file: $0, headerLength: 18) }
    #expect(file.withUnsafeBytes { data.verifies(fileName: "index.1", file: $0, headerLength: 18) })
    data.digests.removeFirst()
    #expect(file.withUnsafeBytes { !data.verifies(fileName: "index.1", file: $0, headerLength: 18) })
    data.algorithm = "CRC"
    #expect(file.withUnsafeBytes { data.verifies(fileName: "index.1", file: $0, headerLength: 18) })
    #expect(!data.isAlgorithmKnown)
    #expect(IntegrityData(json: #"{"algorithm": "XXH64", "digests": {"HashHeader": "00"}}"#) == nil)
    #expect(IntegrityData(json: "[") == nil)
  }

  /// Digest of Borg's feeding rules for a file `f` holding `abc`, by an independent SHA-512.
  @Test func `SHA512 is verified by the same rules`() throws {
    let digest =
      "84c70a5da398b9b8a9bad780f64a792cb76f621406f66f0c010a2026756b43d9"
      + "b33043bc5ab917c2446355cb753bf1a16b28e1fc1479d4a407e104b1ea482c90"
    let data = try #require(IntegrityData(json: #"{"algorithm": "SHA512", "digests": {"final": "\#(digest)"}}"#))
    let file = Array("abc".utf8)
    #expect(file.withUnsafeBytes { data.verifies(fileName: "f", file: $0, headerLength: nil) })
    #expect(file.withUnsafeBytes { !data.verifies(fileName: "g", file: $0, headerLength: nil) })
    let longDigest =
      "2708448843c03a2240cc083a2179660c8010f970fd3e68a193d51939cfee4e04"
      + "712434c175e8e4a046d69e7a5fcc584eb7294a0b3211b469cefad69883457a36"
    let long = [UInt8](repeating: 0x61, count: 1000)
    let longData = try #require(
      IntegrityData(json: #"{"algorithm": "SHA512", "digests": {"final": "\#(longDigest)"}}"#))
    #expect(long.withUnsafeBytes { longData.verifies(fileName: "f", file: $0, headerLength: nil) })
  }
}
