import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct ArchiveTests {
  @Test(arguments: VectorRepository.modes)
  func `Borg's archives are listed and their contents read`(mode: String) throws {
    let vector = try VectorRepository(mode)
    let session = try vector.open()
    let listing = try Fixtures.vectors("objects")["listing"].required("listing")
    for name in ["first", "second"] {
      let archive = try Archive(named: Array(name.utf8), in: session)
      #expect(archive.isAuthenticated)
      #expect(archive.metadata.name == Array(name.utf8))
      #expect(archive.start > 1_700_000_000_000_000_000 && archive.end >= archive.start)
      let reader = ChunkReader(repository: session.repository, codec: session.codec, cacheBytes: 1 << 20)
      var expected = listing[name].array[...]
      try archive.forEachItem { item in
        let line = try expected.popFirst().required("more items than listed")
        #expect(displayText(item.path) == line["path"].text)
        #expect(displayText(item.source ?? []) == line["source"].text)
        #expect(displayText(item.user ?? []) == line["user"].text)
        // Python rounds to microseconds.
        #expect(Timestamp.utcText(nanoseconds: item.mtime + 500) == line["isomtime"].text)
        if let chunks = item.chunks {
          var content = [UInt8](repeating: 0, count: 1000)
          let count = try content.withUnsafeMutableBytes { try reader.read(chunks, offset: 0, into: $0) }
          #expect(Int64(count) == line["size"]?.integer)
          let digest = content[..<count].withUnsafeBytes { Digest.sha256($0) }
          #expect(Hex.encode(digest) == line["sha256"].text)
        }
        return true
      }
      #expect(expected.isEmpty)
    }
    #expect(throws: ArchiveError.doesNotExist(name: Array("third".utf8))) {
      try Archive(named: Array("third".utf8), in: session)
    }
  }

  @Test func `an archive whose TAM is wrong is refused unless the user insists`() throws {
    for workaround in [false, true] {
      var vector = try VectorRepository("none")
      if workaround { vector.environment.variables["BORG_WORKAROUNDS"] = "ignore_invalid_archive_tam" }
      let session = try vector.open()
      let entry = try #require(session.manifest.entry(named: Array("first".utf8)))
      let packed = try session.codec.unseal(
        session.repository.get(entry.id), id: entry.id, workspace: CodecWorkspace())
      var metadata = try ArchiveMetadata(decoding: packed)
      metadata.comment = Array("forged".utf8)
      let forged = try SyntheticArchive.store(metadata.encoded(tam: metadata.tam), in: session)
      let forgedEntry = Manifest.Entry(name: entry.name, id: forged.id, time: entry.time)
      if workaround {
        #expect(try Archive(forgedEntry, in: session).isAuthenticated == false)
      } else {
        #expect(throws: ArchiveError.archiveTAMInvalid) { try Archive(forgedEntry, in: session) }
      }
    }
  }

  @Test func `stored statistics are computed where an old archive lacks them`() throws {
    let session = try VectorRepository("repokey").open()
    let archive = try Archive(named: Array("first".utf8), in: session)
    let stored = try archive.statistics()
    #expect(stored.fileCount > 0)
    var metadata = archive.metadata
    metadata.fileCount = nil
    let packed = TAM.seal(key: session.key, .archive) { metadata.encoded(tam: $0) }
    let old = try SyntheticArchive.store(packed, in: session)
    let entry = Manifest.Entry(name: archive.entry.name, id: old.id, time: archive.entry.time)
    let computed = try Archive(entry, in: session).statistics()
    #expect(computed.originalSize == stored.originalSize)
    #expect(computed.compressedSize == stored.compressedSize)
  }

  @Test(arguments: VectorRepository.modes)
  func `a renamed archive is the same under another id`(mode: String) throws {
    let vector = try VectorRepository(mode)
    let session = try vector.open()
    let cache = try Cache(session: session, Cache.Options())
    defer { cache.close() }
    let first = try Archive(named: Array("first".utf8), in: session)
    #expect(throws: ArchiveError.alreadyExists(name: Array("second".utf8))) {
      try first.rename(to: Array("second".utf8), cache: cache)
    }
    try first.rename(to: Array("neu".utf8), cache: cache)
    try session.writeManifest()
    try session.repository.commit(CommitOptions())
    try cache.commit()
    let again = try vector.open()
    #expect(again.manifest.archives.map { displayText($0.name) } == ["neu", "second"])
    let renamed = try Archive(named: Array("neu".utf8), in: again)
    #expect(renamed.isAuthenticated)
    #expect(renamed.metadata.items == first.metadata.items)
    #expect(renamed.entry.id != first.entry.id)
    #expect(renamed.entry.time == first.entry.time)
    #expect(try !vector.repository.contains(first.entry.id))
  }

  @Test(arguments: VectorRepository.modes)
  func `deleting every archive leaves the manifest alone`(mode: String) throws {
    let vector = try VectorRepository(mode)
    let session = try vector.open()
    let cache = try Cache(session: session, Cache.Options())
    defer { cache.close() }
    var statistics = Statistics()
    let first = try Archive(named: Array("first".utf8), in: session)
    let own = try first.deduplicatedSize(in: cache.chunks)
    #expect(try first.delete(cache: cache, statistics: &statistics, force: false) == false)
    #expect(session.manifest.archives.map { displayText($0.name) } == ["second"])
    #expect(-statistics.deduplicatedSize > own)
    let second = try Archive(named: Array("second".utf8), in: session)
    _ = try second.delete(cache: cache, statistics: &statistics, force: false)
    #expect(Array(vector.repository.objects.keys) == [.manifest])
    #expect(cache.chunks.count == 0)
  }

  @Test func `a damaged archive is deleted only by force`() throws {
    for force in [false, true] {
      let vector = try VectorRepository("repokey")
      let session = try vector.open()
      let cache = try Cache(session: session, Cache.Options())
      defer { cache.close() }
      let first = try Archive(named: Array("first".utf8), in: session)
      vector.repository.replace(first.metadata.items[0], with: nil)
      var statistics = Statistics()
      if force {
        #expect(try first.delete(cache: cache, statistics: &statistics, force: true))
        #expect(session.manifest.archives.map { displayText($0.name) } == ["second"])
        #expect(try !vector.repository.contains(first.entry.id))
      } else {
        #expect(throws: RepositoryError.self) {
          try first.delete(cache: cache, statistics: &statistics, force: false)
        }
      }
    }
  }
}
