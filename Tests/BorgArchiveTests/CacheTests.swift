import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgArchive

/// A repository and a cache that real Borg made, which both programs then use in turn.
@Suite struct CacheTests {
  private let oracle: Oracle
  private let monitor = RecordingMonitor(answers: [true, true, true, true])
  private var repository: String { "\(oracle.home.path)/repository" }

  init() throws {
    oracle = try Oracle()
    try oracle.run("init", "--encryption", "repokey-blake2", repository)
    try Files.makeDirectory(oracle.home.path("tree"))
    for name in ["one", "two", "three"] {
      usleep(20_000)  // File times of their own: the newest of a run is not remembered.
      try Files.replace(oracle.home.path("tree/\(name)"), with: Array(repeating: 7, count: 1 << name.utf8.count))
    }
    try oracle.run("create", "\(repository)::first", "\(oracle.home.path)/tree")
  }

  private func session(_ mode: LockOptions.Mode = .exclusive) throws -> RepositorySession {
    let location = try #require(Location(parsing: Array(repository.utf8), defaultRepository: nil))
    let opened = try LocalRepository.open(
      location, lock: LockOptions(mode: mode), environment: oracle.environment, monitor: monitor)
    return try RepositorySession(
      repository: opened, operations: [.read],
      context: SessionContext(environment: oracle.environment, monitor: monitor))
  }

  private func withCache<R>(
    _ options: Cache.Options = .init(), _ body: (Cache) throws -> R
  ) throws -> R {
    let session = try session()
    defer { session.close() }
    let cache = try Cache(session: session, options)
    defer { cache.close() }
    return try body(cache)
  }

  private func path(_ name: String, _ cache: Cache) throws -> [UInt8] {
    Array("\(try #require(cache.directory))/\(name)".utf8)
  }

  private func entries(_ cache: Cache) throws -> [String] {
    let bytes = try Files.read(try path("chunks", cache))
    var lines: [String] = []
    try HashIndex(decoding: bytes, valueWords: 3).forEach { id, value in
      lines.append("\(id.hex) \(value.0) \(value.1) \(value.2)")
    }
    return lines.sorted()
  }

  private var isSynchronizing: Bool { monitor.messages.contains("Synchronizing chunks cache...") }

  private let chunk = Array("a chunk of our own".utf8)

  /// Stores a chunk and an archive entry's worth of change: manifest and cache get new ids.
  private func change(_ cache: Cache) throws -> ChunkID {
    let session = cache.session
    let id = chunk.withUnsafeBytes { session.key.id(of: $0) }
    let object = try chunk.withUnsafeBytes {
      try session.codec.seal($0, with: .lz4, workspace: CodecWorkspace())
    }
    try cache.add(id, object: object, size: UInt32(chunk.count))
    try session.writeManifest()
    try session.repository.commit(CommitOptions())
    return id
  }

  @Test func `Borg's cache is in step for us, and ours for Borg`() throws {
    try withCache { cache in
      #expect(!isSynchronizing)
      let id = try change(cache)
      try cache.commit()
      #expect(cache.chunks[id]?.references == 1)
    }
    let output = try oracle.run("create", "-v", "--list", "\(repository)::second", "\(oracle.home.path)/tree")
    #expect(!output.contains("Synchronizing chunks cache"))
    try withCache { cache in
      #expect(!isSynchronizing)
      let id = chunk.withUnsafeBytes { cache.session.key.id(of: $0) }
      #expect(cache.chunks[id]?.references == 1)
    }
  }

  @Test(arguments: [true, false])
  func `a resync finds what Borg counted`(usesArchiveIndexes: Bool) throws {
    try oracle.run("create", "\(repository)::second", "\(oracle.home.path)/tree")
    try oracle.run("create", "\(repository)::third", "\(oracle.home.path)/output")
    let counted = try withCache { try entries($0) }
    #expect(counted.count > 5)
    try Cache.destroy(repositoryID: session(.none).repository.id, environment: oracle.environment)
    var changed = oracle.environment
    if !usesArchiveIndexes { changed.variables["BORG_USE_CHUNKS_ARCHIVE"] = "no" }
    let session = try RepositorySession(
      repository: session().repository, operations: [.read],
      context: SessionContext(environment: changed, monitor: monitor))
    let cache = try Cache(session: session, .init())
    #expect(isSynchronizing)
    let now = try entries(cache)
    #expect(now == counted)
    let remembered = try Files.names(in: path("chunks.archive.d", cache))
    #expect(remembered.count == (usesArchiveIndexes ? 6 : 0))
    cache.close()
    session.close()
    let output = try oracle.run("info", "-v", "\(repository)::first")
    #expect(!output.contains("Synchronizing chunks cache"))
  }

  @Test func `Borg reads the archive indexes that we remember, and we read Borg's`() throws {
    let id = try session(.none).repository.id
    try oracle.run("delete", "--cache-only", repository)
    try withCache { _ in }
    try oracle.run("create", "\(repository)::second", "\(oracle.home.path)/tree")
    let counted = try withCache { try entries($0) }
    let config = Array("\(Cache.directory(of: id, environment: oracle.environment))/config".utf8)
    /// Lets the cache be out of step.
    func forget() throws {
      var file = try ConfigFile(parsing: try Files.read(config))
      file["cache", "manifest"] = ""
      file["integrity", "manifest"] = ""
      try Files.replace(config, with: file.encoded())
    }
    try forget()
    let output = try oracle.run("info", "-v", "\(repository)::first")
    #expect(output.contains("Archives: 2, w/ cached Idx: 1, w/ outdated Idx: 0, w/o cached Idx: 1."))
    #expect(output.contains("Reading cached archive chunk index for first ..."))
    #expect(try withCache { try entries($0) } == counted)
    try forget()
    #expect(try withCache { try entries($0) } == counted)
    #expect(monitor.messages.contains("Archives: 2, w/ cached Idx: 2, w/ outdated Idx: 0, w/o cached Idx: 0."))
  }

  @Test func `uncommitted changes are gone`() throws {
    let before = try withCache { cache in
      _ = try change(cache)
      return try entries(cache)
    }
    try withCache { cache in
      #expect(isSynchronizing)
      let now = try entries(cache)
      #expect(now == before)
    }
  }

  @Test func `an aborted transaction is undone`() throws {
    let (directory, before) = try withCache { cache in (try #require(cache.directory), try entries(cache)) }
    let active = Array("\(directory)/txn.active".utf8)
    try Files.makeDirectory(active)
    for name in ["config", "chunks", "files"] {
      try Files.copy(Array("\(directory)/\(name)".utf8), active + Array("/\(name)".utf8))
      try Files.replace(Array("\(directory)/\(name)".utf8), with: Array("half written".utf8))
    }
    try Files.makeDirectory(Array("\(directory)/txn.tmp".utf8))
    try withCache { cache in
      let now = try entries(cache)
      #expect(now == before)
      #expect(!isSynchronizing)
      #expect(!Files.exists(active))
      let txn = try path("txn.tmp", cache)
      #expect(!Files.exists(txn))
    }
  }

  enum Damage: CaseIterable { case wrongByte, cutOff, noChunks, noChunksOfOlder, noConfig }

  @Test(arguments: Damage.allCases)
  func `damage means a resync`(damage: Damage) throws {
    let before = try withCache { cache in
      let entries = try entries(cache)
      let chunks = try path("chunks", cache)
      var bytes = try Files.read(chunks)
      bytes[bytes.count / 2] ^= 0xff
      switch damage {
      case .wrongByte: try Files.replace(chunks, with: bytes)
      case .cutOff: try Files.replace(chunks, with: Array(bytes.prefix(1000)))
      case .noChunks: try Files.unlink(chunks)
      case .noChunksOfOlder:
        try Files.unlink(chunks)
        let config = try path("config", cache)
        var text = String(decoding: try Files.read(config), as: UTF8.self)
        let manifest = cache.session.manifestID.hex
        while let place = text.firstRange(of: manifest) {
          text.replaceSubrange(place, with: String(repeating: "0", count: manifest.count))
        }
        try Files.replace(config, with: Array(text.utf8))
      case .noConfig: try Files.unlink(path("config", cache))
      }
      return entries
    }
    try withCache { cache in
      #expect(
        monitor.messages.contains("Discarding incompatible or corrupted cache and forcing a cache rebuild"))
      #expect(isSynchronizing)
      let now = try entries(cache)
      #expect(now == before)
      let txn = try path("txn.active", cache)
      #expect(!Files.exists(txn))
    }
    #expect(try !oracle.run("info", "-v", "\(repository)::first").contains("Synchronizing"))
  }

  @Test func `unchanged files are known to both`() throws {
    let status = try Files.status(oracle.home.path("tree/three"))
    var options = Cache.Options()
    options.filesCacheMode = .standard
    try withCache(options) { cache in
      let hash = oracle.home.path("tree/one").withUnsafeBytes { cache.session.key.id(of: $0) }
      let first = try Files.status(oracle.home.path("tree/one"))
      let ctime = Int64(first.st_ctim.tv_sec) * 1_000_000_000 + Int64(first.st_ctim.tv_nsec)
      let answer = cache.files.lookup(
        hash, inode: UInt64(first.st_ino), size: Int64(first.st_size), ctime: ctime, mtime: 0)
      guard case .unchanged(let ids) = answer else {
        Issue.record("Borg's entry is not found: \(answer)")
        return
      }
      #expect(cache.chunks.withTable { $0.containsAll(ids) })
      let newest = oracle.home.path("tree/three").withUnsafeBytes { cache.session.key.id(of: $0) }
      #expect(
        cache.files.lookup(newest, inode: UInt64(status.st_ino), size: Int64(status.st_size), ctime: 0, mtime: 0)
          == .unknown)
      _ = try change(cache)
      try cache.commit()
    }
    let output = try oracle.run("create", "-v", "--list", "\(repository)::second", "\(oracle.home.path)/tree")
    #expect(output.contains("U \(oracle.home.path)/tree/one"))
    #expect(!output.contains("Synchronizing"))
  }

  @Test func `without a sync all chunks are known and none is deleted`() throws {
    let id = try session(.none).repository.id
    try Cache.destroy(repositoryID: id, environment: oracle.environment)
    var options = Cache.Options()
    options.avoidsSync = true
    try withCache(options) { cache in
      #expect(cache.directory == nil)
      #expect(try cache.chunks.count == cache.session.repository.objectCount() - 1)
      let any = try #require(try cache.session.repository.list(after: .manifest, limit: 1).first)
      var statistics = Statistics()
      try cache.removeReference(any, statistics: &statistics)
      #expect(try cache.session.repository.contains(any))
      _ = try change(cache)
      try cache.commit()
    }
    #expect(!isSynchronizing)
    #expect(!Files.exists(Array(Cache.directory(of: id, environment: oracle.environment).utf8)))
  }

  @Test func `totals are those that Borg shows`() throws {
    try oracle.run("create", "\(repository)::second", "\(oracle.home.path)/tree")
    let text = try oracle.run("info", "--json", repository)
    let stats = try #require(JSONValue(parsing: text)["cache"]?["stats"])
    let summary = try withCache { try $0.summary() }
    #expect(stats["total_size"]?.integer == summary.totalSize)
    #expect(stats["total_csize"]?.integer == summary.totalStoredSize)
    #expect(stats["unique_size"]?.integer == summary.uniqueSize)
    #expect(stats["unique_csize"]?.integer == summary.uniqueStoredSize)
    #expect(stats["total_chunks"]?.integer == summary.totalChunks)
    #expect(stats["total_unique_chunks"]?.integer == summary.uniqueChunks)
  }

  @Test func `a held lock keeps others out, and breaking it lets them in`() throws {
    let session = try session()
    let cache = try Cache(session: session, .init())
    #expect(throws: (any Error).self) { try oracle.run("--lock-wait", "0", "info", "\(repository)::first") }
    let id = session.repository.id
    try Cache.breakLock(repositoryID: id, environment: oracle.environment)
    #expect(try !Files.exists(path("lock.exclusive", cache)))
    cache.close()
  }

  @Test func `the security checks hear what the cache has on record`() throws {
    let session = try session(.none)
    let recorded = Cache.recorded(repositoryID: session.repository.id, environment: oracle.environment)
    #expect(recorded?.previousLocation == repository)
    #expect(recorded?.keyType == "5")
    #expect(recorded?.timestamp.map { Array($0.utf8) } == session.manifest.data.timestamp)
    let nowhere = Environment(variables: ["BORG_BASE_DIR": "/nonexistent"])
    #expect(Cache.recorded(repositoryID: session.repository.id, environment: nowhere) == nil)
  }
}
