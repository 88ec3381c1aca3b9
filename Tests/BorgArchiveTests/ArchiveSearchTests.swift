import BorgFormat
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct ArchiveSearchTests {
  private let made: SyntheticArchive
  private var session: RepositorySession { made.session }

  init() throws { made = try SyntheticArchive(items: [], chunkLength: 1) }

  /// Stores one more archive whose item stream is cut into pieces of `chunkLength`.
  private func archive(_ name: String, _ items: [Item], chunkLength: Int) throws -> Manifest.Entry {
    var metadata = ArchiveMetadata(name: Array(name.utf8), time: Array("2026-01-01T00:00:00.000000".utf8))
    let stream = SyntheticArchive.stream(items)
    for start in stride(from: 0, to: stream.count, by: chunkLength) {
      let piece = Array(stream[start..<min(stream.count, start + chunkLength)])
      metadata.items.append(try SyntheticArchive.store(piece, in: session).id)
    }
    let packed = TAM.seal(key: session.key, .archive) { metadata.encoded(tam: $0) }
    return Manifest.Entry(
      name: metadata.name, id: try SyntheticArchive.store(packed, in: session).id, time: metadata.time)
  }

  private func noDamage(_ entry: Manifest.Entry, _ error: any Error) { Issue.record("\(error)") }

  @Test(arguments: [60, 200, 4096, 1 << 20])
  func `what archives share is fetched once, and everything is found`(chunkLength: Int) throws {
    var items = SyntheticArchive.items(400)
    var entries: [Manifest.Entry] = []
    for number in 0..<5 {
      items[390 + number].mtime += 1
      items.append(Item(path: Array("new \(number)".utf8), mode: FileType.directory))
      entries.append(try archive("a\(number)", items, chunkLength: chunkLength))
    }
    let search = ArchiveSearch(in: session) { _ in true }
    let findings = search.search(entries, damaged: noDamage)
    #expect(findings.map(\.path).sorted { $0.lexicographicallyPrecedes($1) } == findings.map(\.path))
    #expect(findings.count == 405)
    for finding in findings {
      let text = String(decoding: finding.path, as: UTF8.self)
      let first = text.hasPrefix("new ") ? Int(text.dropFirst(4)) ?? -1 : 0
      #expect((finding.firstArchive, finding.lastArchive, finding.archiveCount) == (first, 4, 5 - first))
      #expect(finding.versions.count == 1)
    }
    let ids = try Set(entries.flatMap { try Archive($0, in: session).metadata.items })
    #expect(ids.allSatisfy { made.vector.repository.gets[$0] ?? 0 <= 3 })
    if chunkLength >= 200 { #expect(search.skimmedChunks <= ids.count + 100) }
  }

  @Test func `contents A, B, A are three versions`() throws {
    var item = SyntheticArchive.items(2)[1]
    let content = item.chunks
    let entries = try [content, [], content, content].enumerated().map { number, chunks in
      item.chunks = chunks
      return try archive("a\(number)", [item], chunkLength: 1000)
    }
    let findings = ArchiveSearch(in: session) { _ in true }.search(entries, damaged: noDamage)
    #expect(findings.map { $0.versions.map(\.archives) } == [[[0], [1], [2, 3]]])
  }

  @Test func `a later name of a hard link has the versions of its content`() throws {
    let entries = try [1, 2, 2].enumerated().map { number, content in
      var first = SyntheticArchive.items(content + 1)[content]
      (first.path, first.hardlinkMaster) = (Array("first".utf8), true)
      var second = Item(path: Array("second".utf8), mode: first.mode)
      second.source = first.path
      return try archive("a\(number)", [first, second], chunkLength: 50)
    }
    let search = ArchiveSearch(in: session) { $0.path.elementsEqual("second".utf8) }
    let findings = search.search(entries, damaged: noDamage)
    #expect(findings.map { $0.versions.map(\.archives) } == [[[0], [1, 2]]])
    #expect(findings[0].versions.map(\.sighting.size) == [1, 4])
  }

  @Test func `a lost chunk costs the rest of its archives only`() throws {
    let items = SyntheticArchive.items(300)
    let entries = try [
      archive("whole", Array(items[..<100]), chunkLength: 500), archive("lost", items, chunkLength: 700),
      archive("also whole", Array(items[100...]), chunkLength: 900),
    ]
    let lost = try Archive(entries[1], in: session).metadata.items[3]
    made.vector.repository.replace(lost, with: nil)
    var damaged: [[UInt8]] = []
    let findings = ArchiveSearch(in: session) { _ in true }.search(entries) { entry, _ in damaged.append(entry.name) }
    #expect(damaged == [Array("lost".utf8)])
    #expect(findings.count == 300)
    #expect(findings.allSatisfy { $0.archiveCount >= 1 })
  }

  @Test func `a stream that ends inside an item is told`() throws {
    let items = SyntheticArchive.items(10)
    let whole = SyntheticArchive.stream(items)
    let cut = try SyntheticArchive(stream: Array(whole.dropLast(5))) { _ in 100 }
    var damaged = 0
    let findings = ArchiveSearch(in: cut.session) { _ in true }.search([cut.archive.entry]) { _, _ in damaged += 1 }
    #expect(damaged == 1)
    #expect(findings.count == 9)
  }

  @Test func `only what is wanted is kept`() throws {
    let entry = try archive("a", SyntheticArchive.items(100), chunkLength: 333)
    let search = ArchiveSearch(in: session) { $0.size > 0 && $0.hasXattrs }
    let findings = search.search([entry], damaged: noDamage)
    #expect(!findings.isEmpty && findings.count < 30)
    #expect(search.sightings.count == findings.count)
  }
}
