import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

/// Repositories that real Borg made, opened by us, and the other way round, in every mode.
@Suite struct OracleTests {
  private let oracle: Oracle

  init() throws {
    oracle = try Oracle()
  }

  private var context: SessionContext {
    SessionContext(environment: oracle.environment, monitor: RecordingMonitor())
  }

  private func location(_ mode: String) throws -> Location {
    try Location(parsing: oracle.home.path(mode), defaultRepository: nil).required("location")
  }

  private func open(_ mode: String, _ lock: LockOptions.Mode = .shared) throws -> RepositorySession {
    let repository = try LocalRepository.open(
      location(mode), lock: LockOptions(mode: lock), environment: oracle.environment, monitor: RecordingMonitor())
    return try RepositorySession(repository: repository, operations: [.read], context: context)
  }

  /// A folder with files of many sizes, the largest of several chunks, and its path.
  private func source() throws -> String {
    let folder = oracle.home.path("source")
    try Files.makeDirectories(folder + Array("/deep/er".utf8))
    for number in 0..<60 {
      let content = Digest.randomBytes(number == 59 ? 5 << 20 : number * number * 40)
      try Files.replace(folder + Array("/deep/file \(number)".utf8), with: content)
    }
    return String(decoding: folder, as: UTF8.self)
  }

  /// Path, size and digest of every item, one a line.
  private func listing(_ archive: Archive) throws -> [String] {
    let reader = ChunkReader(
      repository: archive.session.repository, codec: archive.session.codec, cacheBytes: 1 << 24)
    var lines: [String] = []
    try archive.forEachItem { item in
      guard let chunks = item.chunks else { return true }
      let size = chunks.reduce(0) { $0 + Int($1.size) }
      let content = try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = try reader.read(chunks, offset: 0, into: UnsafeMutableRawBufferPointer(buffer))
      }
      lines.append("\(displayText(item.path)) \(size) \(Hex.encode(content.withUnsafeBytes { Digest.sha256($0) }))")
      return true
    }
    return lines
  }

  private func oracleListing(_ mode: String, _ archive: String) throws -> [String] {
    let repository = String(decoding: oracle.home.path(mode), as: UTF8.self)
    let output = try oracle.run("list", "--format", "{type} {path} {size} {sha256}{NL}", "\(repository)::\(archive)")
    return output.split(separator: "\n").filter { $0.hasPrefix("- ") }.map { String($0.dropFirst(2)) }
  }

  @Test(arguments: VectorRepository.modes)
  func `a repository of real Borg is read whole`(mode: String) throws {
    let repository = String(decoding: oracle.home.path(mode), as: UTF8.self)
    try oracle.run("init", "-e", mode, repository)
    try oracle.run("create", "--compression", "auto,zstd", "\(repository)::a", try source())
    let session = try open(mode)
    defer { session.close() }
    let archive = try Archive(named: Array("a".utf8), in: session)
    #expect(archive.isAuthenticated)
    let lines = try listing(archive)
    #expect(lines.count == 60)
    #expect(try lines == oracleListing(mode, "a"))
  }

  @Test(arguments: VectorRepository.modes)
  func `a repository that we made is used by real Borg and then by us`(mode: String) throws {
    let created = try LocalRepository.create(
      location(mode), LocalRepository.CreateOptions(), lock: LockOptions(mode: .exclusive),
      environment: oracle.environment, monitor: RecordingMonitor())
    let type = try KeyType(modeName: mode).required("mode")
    try RepositorySession.initialize(repository: created, type: type, secretsFrom: nil, context: context).close()
    let repository = String(decoding: oracle.home.path(mode), as: UTF8.self)
    #expect(try oracle.run("list", repository) == "")
    try oracle.run("create", "\(repository)::a", try source())
    try oracle.run("create", "\(repository)::b", try source())

    let session = try open(mode, .exclusive)
    let cache = try Cache(session: session, Cache.Options())
    var statistics = Statistics()
    _ = try Archive(named: Array("a".utf8), in: session).delete(cache: cache, statistics: &statistics, force: false)
    try Archive(named: Array("b".utf8), in: session).rename(to: Array("c".utf8), cache: cache)
    try session.writeManifest()
    try session.repository.commit(CommitOptions())
    try cache.commit()
    cache.close()
    session.close()

    try oracle.run("check", "--verify-data", repository)
    #expect(try oracle.run("list", "--short", repository) == "c\n")
    let again = try open(mode)
    let archive = try Archive(named: Array("c".utf8), in: again)
    #expect(try listing(archive) == oracleListing(mode, "c"))
    again.close()
    try oracle.run("create", "\(repository)::d", try source())
    try oracle.run("check", repository)
  }
}
