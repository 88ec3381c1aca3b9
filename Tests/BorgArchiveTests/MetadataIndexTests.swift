import BorgFormat
import BorgObjects
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgArchive

@Suite struct MetadataIndexTests {
  private let home: TemporaryDirectory
  private let key: Key
  private let repositoryID = ChunkID(words: (1, 2, 3, 4))

  init() throws {
    home = try TemporaryDirectory()
    key = try Key.generate(type: .repokey, repositoryID: repositoryID)
  }

  private func context(_ variables: [String: String] = [:]) -> SessionContext {
    let all = ["BORG_BASE_DIR": home.path].merging(variables) { $1 }
    return SessionContext(environment: Environment(variables: all), monitor: RecordingMonitor())
  }

  private func index(
    of id: ChunkID? = nil, key: Key? = nil, maximumBytes: Int? = nil, _ variables: [String: String] = [:]
  ) -> MetadataIndex? {
    MetadataIndex(
      repositoryID: id ?? repositoryID, key: key ?? self.key, maximumBytes: maximumBytes, context: context(variables))
  }

  private func id(_ number: Int) -> ChunkID { ChunkID(words: (UInt64(number), 0, 0, 0)) }
  private func bytes(_ number: Int, count: Int = 5000) -> [UInt8] {
    Array("entry \(number) of the index ".utf8) + Array(repeating: 1, count: count)
  }
  private var folder: [UInt8] { home.path(".cache/borg/borgfs/\(repositoryID.hex)") }
  private func records() throws -> [[UInt8]] {
    try Files.names(in: folder).filter { $0.count == 40 }.map { Files.join(folder, $0) }
  }

  @Test func `records are there for the next process, in files that nobody else can read`() throws {
    let first = try #require(index())
    for number in 0..<50 { first.keep(bytes(number), 1, id(number)) }
    first.finish()
    let second = try #require(index())
    #expect(second.hashKey == first.hashKey)
    for number in 0..<50 { #expect(second.load(1, id(number)) == bytes(number)) }
    #expect(second.load(2, id(1)) == nil && second.load(1, id(99)) == nil)
    #expect(try records().count == 50)
    #expect(try Files.status(folder).st_mode & 0o777 == 0o700)
    for name in try Files.names(in: folder) {
      let path = Files.join(folder, name)
      #expect(try Files.status(path).st_mode & 0o777 == 0o600)
      #expect(try Files.read(path).firstRange(of: Array("entry".utf8)) == nil)
    }
  }

  @Test func `another key finds nothing, and takes nothing away`() throws {
    let first = try #require(index())
    first.keep(bytes(1), 1, id(1))
    first.finish()
    let stranger = try Key.generate(type: .repokey, repositoryID: repositoryID)
    #expect(try #require(index(key: stranger)).load(1, id(1)) == nil)
    #expect(try #require(index()).load(1, id(1)) == bytes(1))
  }

  @Test func `a damaged record is none, and gone`() throws {
    let first = try #require(index())
    first.keep(bytes(1), 1, id(1))
    first.finish()
    let path = try #require(try records().first)
    let sound = try Files.read(path)
    for damage in [[], [1, 2, 3], sound.dropLast() + [~sound[sound.count - 1]], sound + [0]] as [[UInt8]] {
      try Files.replace(path, with: damage)
      #expect(first.load(1, id(1)) == nil)
      #expect(!Files.exists(path))
    }
    first.keep(bytes(2), 1, id(1))
    first.finish()
    #expect(first.load(1, id(1)) == bytes(2))
  }

  @Test func `all repositories together keep to the bound, what was used last stays`() throws {
    let old = try #require(index(of: id(7)))
    for number in 0..<10 { old.keep(bytes(number, count: 90_000), 1, id(number)) }
    old.finish()
    let first = try #require(index(maximumBytes: 1_000_000))
    for number in 0..<10 { first.keep(bytes(number, count: 90_000), 1, id(number)) }
    first.finish()
    let oldFolder = home.path(".cache/borg/borgfs/\(id(7).hex)")
    for folder in [folder, oldFolder] {
      for name in try Files.names(in: folder) {
        try age(Files.join(folder, name), hours: folder == oldFolder ? 48 : 24)
      }
    }
    #expect(first.load(1, id(3)) == bytes(3, count: 90_000))
    let second = try #require(index(maximumBytes: 1_000_000))
    second.keep(bytes(50), 1, id(50))
    second.finish()
    #expect(try Files.names(in: oldFolder).count { $0.count == 40 } == 0)
    #expect(try records().count > 5)
    #expect(second.load(1, id(3)) != nil && second.load(1, id(50)) != nil)
    // The salt is no record.
    #expect(try #require(index(of: id(7))).hashKey == old.hashKey)
  }

  private func age(_ path: [UInt8], hours: Int) throws {
    let then = timespec(tv_sec: time(nil) - hours * 3600, tv_nsec: 0)
    let times = [then, then]
    #expect(try Files.withPath(path) { utimensat(AT_FDCWD, $0, times, 0) } == 0)
  }

  @Test func `what a killed process left is taken away after an hour`() throws {
    let first = try #require(index())
    let (young, old) = (
      Files.join(folder, Array("a-12345678.tmp".utf8)), Files.join(folder, Array("b-12345678.tmp".utf8))
    )
    for path in [young, old] { try Files.replace(path, with: [1]) }
    try age(old, hours: 2)
    first.keep(bytes(1), 1, id(1))
    first.finish()
    #expect(Files.exists(young) && !Files.exists(old))
  }

  @Test func `there is none where nobody wants it or nothing can be written`() throws {
    #expect(index(["BORG_MOUNT_INDEX_SIZE": "0"]) == nil)
    #expect(index(maximumBytes: 0) == nil)
    #expect(index(["BORG_CACHE_DIR": "/proc/nowhere"]) == nil)
  }

  @Test func `a folder that goes away costs what is kept, nothing else`() throws {
    let first = try #require(index())
    first.keep(bytes(1), 1, id(1))
    first.finish()
    try Files.removeTree(folder)
    for number in 0..<100 { first.keep(bytes(number), 1, id(number)) }
    first.finish()
    #expect(first.load(1, id(1)) == nil && first.keptBytes == 0)
  }

  @Test func `what comes while it is suspended is kept afterwards`() throws {
    let first = try #require(index())
    first.keep(bytes(1), 1, id(1))
    first.suspend()
    for number in 2..<9 { first.keep(bytes(number), 1, id(number)) }
    first.keep(bytes(20), 1, id(8))
    // Nobody has to wait until it is written.
    #expect(try records().count <= 1)
    #expect(first.load(1, id(7)) == bytes(7) && first.load(1, id(8)) == bytes(20))
    #expect(first.contains(1, id(8)) && !first.contains(1, id(9)) && !first.contains(2, id(8)))
    first.resume()
    first.finish()
    for number in 1..<8 { #expect(first.load(1, id(number)) == bytes(number)) }
    #expect(first.load(1, id(8)) == bytes(20) && first.contains(1, id(8)))
    #expect(try records().count == 8 && first.keptBytes > 0)
  }

  @Test func `processes that keep the same records do not disturb each other`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        let one = try #require(index())
        group.addTask {
          for number in 0..<60 {
            one.keep(bytes(number), 1, id(number))
            if let loaded = one.load(1, id(number)) { #expect(loaded == bytes(number)) }
          }
          one.finish()
        }
      }
      try await group.waitForAll()
    }
    #expect(try records().count == 60)
  }

  @Test func `it goes with the repository`() throws {
    let first = try #require(index())
    first.keep(bytes(1), 1, id(1))
    first.finish()
    try Cache.destroy(repositoryID: repositoryID, environment: context().environment)
    #expect(!Files.exists(folder))
  }
}
