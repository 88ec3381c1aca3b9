import BorgFormat
import Testing

@testable import BorgArchive

@Suite struct ManifestTests {
  private func entry(_ name: String, _ number: UInt64 = 0, time: String = "") -> Manifest.Entry {
    Manifest.Entry(name: Array(name.utf8), id: ChunkID(words: (number, 0, 0, 0)), time: Array(time.utf8))
  }

  private func manifest(_ entries: [Manifest.Entry]) -> Manifest {
    var data = ManifestData()
    data.archives = entries
    return Manifest(data: data)
  }

  @Test func `lookups stay right over many changes`() {
    var manifest = manifest((0..<500).map { entry("a\($0)", UInt64($0)) })
    var expected = Dictionary(uniqueKeysWithValues: (0..<500).map { ("a\($0)", UInt64($0)) })
    var seed: UInt64 = 42
    for round in 0..<3000 {
      seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let name = "a\(seed >> 33 % 700)"
      if seed >> 40 & 1 == 0 {
        manifest.remove(named: Array(name.utf8))
        expected[name] = nil
      } else {
        manifest.set(entry(name, UInt64(round)))
        expected[name] = UInt64(round)
      }
    }
    #expect(manifest.archives.count == expected.count)
    for number in 0..<700 {
      #expect(manifest.entry(named: Array("a\(number)".utf8))?.id.words.0 == expected["a\(number)"])
    }
  }

  @Test func `of a name that is there twice the last entry counts`() {
    let manifest = manifest([entry("a", 1), entry("b", 2), entry("a", 3)])
    #expect(manifest.archives.map(\.id.words.0) == [3, 2])
    #expect(manifest.entry(named: Array("a".utf8))?.id.words.0 == 3)
  }

  @Test func `archives are selected in Borg's order of steps`() throws {
    let manifest = manifest([
      entry("b", 1, time: "2026-01-02T00:00:00.000000"), entry("a", 3, time: "2026-01-02T00:00:00.000000"),
      entry("a.checkpoint.1", 2, time: "2026-01-03T00:00:00.000000"),
      entry("c", 0, time: "2026-01-01T00:00:00.000000"),
    ])
    var selection = ArchiveSelection()
    func names() throws -> [String] { try manifest.select(selection).map { String(decoding: $0.name, as: UTF8.self) } }
    #expect(try names() == ["c", "b", "a"])
    selection.sortKeys = [.timestamp, .name]
    #expect(try names() == ["c", "a", "b"])
    selection.sortKeys = [.id]
    selection.considersCheckpoints = true
    #expect(try names() == ["c", "b", "a.checkpoint.1", "a"])
    selection.first = 2
    #expect(try names() == ["c", "b"])
    selection.first = 0
    selection.last = 1
    #expect(try names() == ["a"])
  }
}
