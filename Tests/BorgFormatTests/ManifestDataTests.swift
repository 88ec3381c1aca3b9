import BorgFormat
import BorgTesting
import Testing

struct ManifestDataTests {
  @Test func `archive metadata comes back byte for byte`() throws {
    for vector in try #require(try Fixtures.vectors("archives")["archives"]?.arrayValue) {
      let packed = try #require(Hex.decode(vector["packed_without_tam"]?.stringValue ?? ""))
      let metadata = try ArchiveMetadata(decoding: packed)
      #expect(metadata.encoded(tam: nil) == packed)
      #expect(metadata.unknown.isEmpty && metadata.tam == nil)
    }
  }

  @Test func `archive metadata keeps unknown keys and drops none`() throws {
    var metadata = ArchiveMetadata(name: Array("n".utf8), time: Array("t".utf8))
    metadata.unknown = [(Array("zebra".utf8), .int(3)), (Array("abc".utf8), .null)]
    metadata.items = [.manifest]
    let again = try ArchiveMetadata(decoding: metadata.encoded(tam: .raw([1])))
    #expect(again.tam == .raw([1]))
    #expect(again.unknown.map(\.key) == [Array("abc".utf8), Array("zebra".utf8)])
    #expect(again.items == [.manifest])
  }

  @Test func `another version of archive metadata is refused in Borg's words`() {
    let packed = MessagePackValue.map([.init(key: .raw(Array("version".utf8)), value: .int(2))]).encoded()
    let error = #expect(throws: FormatError.self) { try ArchiveMetadata(decoding: packed) }
    #expect(error?.description == "Unknown archive metadata version")
  }

  @Test func `a manifest keeps its config and is written as version 1`() throws {
    let vectors = try Fixtures.vectors("archives")
    let packed = try #require(Hex.decode(vectors["manifest_with_feature_flags_without_tam"]?.stringValue ?? ""))
    let manifest = try ManifestData(decoding: packed)
    #expect(manifest.archives.isEmpty && manifest.config.count == 2)
    #expect(manifest.encoded(tam: nil) == packed.dropLast() + [1])
    let keys = try #require(vectors["item_keys_sorted"]?.arrayValue).compactMap {
      $0.stringValue.map { Array($0.utf8) }
    }
    #expect(manifest.itemKeys == keys && ItemCodec.knownKeys == keys)
  }

  @Test func `a manifest's archives are written sorted and read in their order`() throws {
    var manifest = ManifestData()
    let time = Array("2026-01-02T03:04:05.000006".utf8)
    for name in ["b", "a", "c"] { manifest.archives.append(.init(name: Array(name.utf8), id: .manifest, time: time)) }
    manifest.timestamp = time
    let again = try ManifestData(decoding: manifest.encoded(tam: nil))
    #expect(again.archives.map(\.name) == ["a", "b", "c"].map { Array($0.utf8) })
    #expect(again.timestamp == time && again.archives.first?.time == time)
  }

  @Test func `another version of the manifest is refused in Borg's words`() {
    let packed = MessagePackValue.map([.init(key: .raw(Array("version".utf8)), value: .int(3))]).encoded()
    let error = #expect(throws: FormatError.self) { try ManifestData(decoding: packed) }
    #expect(error?.description == "Invalid manifest version")
  }
}
