import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

/// What Borg 1.4.5 wrote we read: the repositories in `Fixtures/golden`, against what Borg itself listed of them.
@Suite struct GoldenRepositoryTests {
  let folder: TemporaryDirectory
  let context: SessionContext

  init() throws {
    folder = try TemporaryDirectory()
    context = SessionContext(
      environment: Environment(variables: [
        "PATH": "/usr/bin:/bin", "BORG_BASE_DIR": "\(folder.path)/home", "BORG_PASSPHRASE": "golden pass",
        "BORG_KEYS_DIR": folder.path, "BORG_HOST_ID": "golden@1",
      ]),
      monitor: RecordingMonitor(answers: [true, true]))
  }

  @Test(arguments: ["none", "authenticated-blake2", "repokey", "keyfile-blake2"])
  func `a repository of Borg's reads as Borg lists it`(_ mode: String) throws {
    let session = try open(mode)
    defer { session.close() }
    #expect(session.manifest.data.archives.map(\.name) == [Array("first".utf8), Array("second".utf8)])

    let archive = try Archive(named: Array("second".utf8), in: session)
    #expect(archive.isAuthenticated)
    let reader = ChunkReader(repository: session.repository, codec: session.codec, cacheBytes: 1 << 20)
    var listed: [[String: String]] = []
    try archive.forEachItem { item in
      listed.append(try describe(item, reader))
      return true
    }
    #expect(listed == (try expectedListing()))
  }

  @Test func `a wrong passphrase is refused`() throws {
    var wrong = context
    wrong.environment.variables["BORG_PASSPHRASE"] = "wrong"
    let repository = try repository("repokey", wrong)
    defer { repository.close() }
    #expect(throws: ArchiveError.passphraseWrong) {
      try RepositorySession(repository: repository, operations: [.read], context: wrong)
    }
  }

  private func open(_ mode: String) throws -> RepositorySession {
    try RepositorySession(repository: repository(mode, context), operations: [.read], context: context)
  }

  private func repository(_ mode: String, _ context: SessionContext) throws -> LocalRepository {
    let unpacked = try ChildProcess.output(
      ["tar", "-xzf", "\(Fixtures.directory)/golden/\(mode).tar.gz", "-C", folder.path],
      environment: context.environment)
    try #require(unpacked.status == 0)
    let location = try #require(Location(parsing: folder.path(mode), defaultRepository: nil))
    return try LocalRepository.open(
      location, lock: LockOptions(mode: .shared), environment: context.environment, monitor: context.monitor)
  }

  private func describe(_ item: Item, _ reader: ChunkReader) throws -> [String: String] {
    let chunks = item.chunks ?? []
    var content = [UInt8](repeating: 0, count: chunks.reduce(0) { $0 + Int($1.size) })
    let count = try content.withUnsafeMutableBytes { try reader.read(chunks, offset: 0, into: $0) }
    #expect(count == content.count)
    return [
      "path": displayText(item.path), "source": displayText(item.source ?? []), "chunks": "\(chunks.count)",
      "sha256": item.chunks == nil ? "" : Hex.encode(content.withUnsafeBytes { Digest.sha256($0) }),
    ]
  }

  private func expectedListing() throws -> [[String: String]] {
    let lines = String(decoding: try Fixtures.bytes("golden/second.jsonl"), as: UTF8.self).split(separator: "\n")
    return try lines.map { line in
      let object = try JSONValue(parsing: String(line))
      func text(_ key: String) -> String {
        switch object[key] {
        case .string(let text): text
        case .int(let number): "\(number)"
        default: "missing"
        }
      }
      return [
        "path": text("path"), "source": text("source"), "chunks": text("num_chunks"), "sha256": text("sha256"),
      ]
    }
  }
}
