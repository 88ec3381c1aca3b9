import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Synchronization
import Testing

@testable import BorgRepository

struct LocalRepositoryTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try Sandbox() }

  private func hex(_ name: String) throws -> String { Hex.encode(try sandbox.bytes(name)) }
  private let commitFile = "424f52475f53454740f43c250900000002"

  @Test func `the worked example comes out byte for byte`() throws {
    var repository = try sandbox.create()
    try repository.put(id(1), Array("abc".utf8))
    try repository.put(id(2), Array("de".utf8))
    try repository.commit(CommitOptions())
    repository.close()
    repository = try sandbox.open()
    try repository.delete(id(1))
    try repository.commit(CommitOptions())
    repository.close()

    let one = id(1).hex
    let two = id(2).hex
    #expect(try hex("repo/data/0/0") == "424f52475f5345477011cf722c00000000\(one)616263eece381f2b00000000\(two)6465")
    #expect(try hex("repo/data/0/1") == commitFile)
    #expect(try hex("repo/data/0/2") == "424f52475f534547ed2636f12900000001\(one)")
    #expect(try hex("repo/data/0/3") == commitFile)
    #expect(
      try hex("repo/hints.3")
        == "85a776657273696f6e02a87365676d656e7473840001010002000300a7636f6d70616374840109002c02290309"
        + "b173746f726167655f71756f74615f75736557ac736861646f775f696e64657881da0020\(one)9100")
    let index = try sandbox.bytes("repo/index.3")
    #expect(index.count == 41258)
    #expect(Hex.encode(index[..<18]) == "424f52475f49445801000000070400002008")
    #expect(Hex.encode(index[(18 + 155 * 40)...].prefix(40)) == two + "0000000034000000")
    let integrity = try sandbox.bytes("repo/integrity.3")
    #expect(
      Hex.encode(integrity).hasPrefix(
        "83a776657273696f6e02a568696e7473da0040"
          + Hex.encode(Array("{\"algorithm\": \"XXH64\", \"digests\": {\"final\": \"73486ad08a002192\"}}".utf8))
          + "a5696e646578da0062"))
    #expect(integrity.count == 190)
    #expect(
      try Set(Files.names(in: sandbox.path("repo")).map { String(decoding: $0, as: UTF8.self) })
        == ["README", "config", "data", "index.3", "hints.3", "integrity.3"])
  }

  @Test func `a new repository has Borg's README and config`() throws {
    let repository = try sandbox.create()
    #expect(try sandbox.bytes("repo/README").count == 73)
    #expect(
      String(decoding: try sandbox.bytes("repo/config"), as: UTF8.self)
        == "[repository]\nversion = 1\nsegments_per_dir = 1000\nmax_segment_size = 524288000\nappend_only = 0\n"
        + "storage_quota = 0\nadditional_free_space = 0\nid = \(repository.id.hex)\n\n")
    repository.close()
  }

  @Test func `what is there already is not overwritten`() throws {
    try sandbox.create().close()
    let base = sandbox.directory.path
    #expect(throws: RepositoryError.alreadyExists(path: "\(base)/repo")) { try sandbox.create() }
    #expect(throws: RepositoryError.alreadyExists(path: "\(base)/repo")) { try sandbox.create("repo/inside") }
    #expect(throws: RepositoryError.parentPathDoesNotExist(path: "\(base)/a/b")) { try sandbox.create("a/b") }
    try sandbox.write("file", [1])
    #expect(throws: RepositoryError.pathAlreadyExists(path: "\(base)/file")) { try sandbox.create("file") }
    try Files.makeDirectories(sandbox.path("full/x"))
    #expect(throws: RepositoryError.pathAlreadyExists(path: "\(base)/full")) { try sandbox.create("full") }
    try Files.makeDirectory(sandbox.path("empty"))
    try sandbox.create("empty").close()
    var options = LocalRepository.CreateOptions()
    options.makesParentDirectories = true
    try sandbox.create("a/b", options).close()
  }

  @Test func `what is no repository is not opened`() throws {
    let base = sandbox.directory.path
    #expect(throws: RepositoryError.doesNotExist(path: "\(base)/none")) { try sandbox.open("none") }
    try sandbox.write("file", [])
    #expect(throws: RepositoryError.invalidRepository(path: "\(base)/file")) { try sandbox.open("file") }
    try Files.makeDirectory(sandbox.path("repo"))
    #expect(throws: RepositoryError.invalidRepository(path: "\(base)/repo")) { try sandbox.open() }
    #expect(!sandbox.exists("repo/lock.roster"))
  }

  @Test(arguments: [
    ("[other]\n", "no repository section found"),
    ("[repository]\nversion = 2\n", "repository version 2 is not supported by this borg version"),
    ("[repository]\nversion = 1\nmax_segment_size = 4273995776\n", "max_segment_size >= 4273995776"),
  ])
  func `an invalid config says why`(config: String, detail: String) throws {
    try Files.makeDirectories(sandbox.path("repo/data"))
    try sandbox.write("repo/config", Array(config.utf8))
    #expect(throws: RepositoryError.invalidConfig(path: "\(sandbox.directory.path)/repo", detail: detail)) {
      try sandbox.open()
    }
  }

  @Test func `objects can be read before and after their commit`() throws {
    let repository = try sandbox.create()
    let sizes = [0, 1, 4055, 4056, 300_000, SegmentEntryHeader.maximumDataSize]
    for (number, size) in sizes.enumerated() {
      try repository.put(id(UInt8(number + 1)), object(size, seed: UInt8(number)))
    }
    func expectAll() throws {
      for (number, size) in sizes.enumerated() {
        #expect(try repository.get(id(UInt8(number + 1))) == object(size, seed: UInt8(number)))
      }
    }
    try expectAll()
    try repository.commit(CommitOptions())
    try expectAll()
    #expect(throws: IntegrityError("More than allowed put data [20971480 > 20971479]")) {
      try repository.put(id(9), object(SegmentEntryHeader.maximumDataSize + 1))
    }
    #expect(throws: RepositoryError.objectNotFound(id: id(99), path: "\(sandbox.directory.path)/repo")) {
      try repository.get(id(99))
    }
    repository.close()
  }

  @Test func `a full segment takes one more entry and the manifest begins a new one`() throws {
    let repository = try sandbox.createSmall()
    for number in 1...3 { try repository.put(id(UInt8(number)), object(30)) }
    try repository.put(.manifest, object(5))
    try repository.put(.manifest, object(6))
    try repository.commit(CommitOptions())
    repository.close()
    let sizes = try sandbox.segments().map { try sandbox.bytes("repo/data/0/\($0)").count }
    #expect(sizes == [150, 79, 8 + 46, 49, 8 + 47, 17])
  }

  @Test func `a rollback forgets and reuses the numbers`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), object(10))
    try repository.commit(CommitOptions())
    try repository.put(id(2), object(10))
    try repository.delete(id(1))
    try repository.rollback()
    #expect(try repository.contains(id(1)))
    #expect(try !repository.contains(id(2)))
    try repository.put(id(3), object(20))
    try repository.commit(CommitOptions())
    #expect(try sandbox.segments() == [0, 1, 2, 3])
    #expect(try repository.objectCount() == 2)
    repository.close()
  }

  @Test func `list and scan page through everything once`() throws {
    let repository = try sandbox.createSmall()
    for number in 1...20 { try repository.put(id(UInt8(number)), object(30, seed: UInt8(number))) }
    try repository.delete(id(7))
    try repository.put(id(3), object(31))
    try repository.commit(CommitOptions())
    for page in [1, 3, 100] {
      var listed: [ChunkID] = []
      while let next = Optional(try repository.list(after: listed.last, limit: page)), !next.isEmpty { listed += next }
      #expect(Set(listed).count == 19 && listed.count == 19)
      var scanned: [ChunkID] = []
      while let next = Optional(try repository.scan(after: scanned.last, limit: page)), !next.isEmpty {
        scanned += next
      }
      let expected = (1...20).filter { $0 != 7 && $0 != 3 }.map { id(UInt8($0)) } + [id(3)]
      #expect(scanned == expected)
    }
    #expect(try repository.list(after: nil, limit: 0).isEmpty)
    #expect(throws: RepositoryError.self) { try repository.scan(after: nil, limit: 0) }
    #expect(throws: RepositoryError.self) { try repository.list(after: id(99), limit: 1) }
    repository.close()
  }

  @Test func `readers work beside a writer`() throws {
    let repository = try sandbox.create()
    for number in 0..<64 { try repository.put(id(UInt8(number)), object(5000 + number, seed: UInt8(number))) }
    try repository.commit(CommitOptions())
    let failures = Atomic(0)
    let readers = try (0..<4).map { reader in
      try Worker {
        for round in 0..<500 {
          let number = (round * 7 + reader) % 64
          guard let read = try? repository.get(id(UInt8(number))),
            read == object(5000 + number, seed: UInt8(number))
          else {
            failures.wrappingAdd(1, ordering: .relaxed)
            return
          }
        }
      }
    }
    for number in 64..<200 { try repository.put(id(UInt8(number)), object(20_000, seed: UInt8(number))) }
    for reader in readers { reader.join() }
    #expect(failures.load(ordering: .relaxed) == 0)
    try repository.commit(CommitOptions())
    repository.close()
  }

  @Test func `damage is found when the object is read`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), object(100))
    try repository.put(id(2), object(100))
    try repository.commit(CommitOptions())
    repository.close()
    var segment = try sandbox.bytes("repo/data/0/0")
    segment[60] ^= 1
    try sandbox.write("repo/data/0/0", segment)
    let reader = try sandbox.open("repo", .shared)
    #expect(throws: IntegrityError("Segment entry checksum mismatch [segment 0, offset 8]")) { try reader.get(id(1)) }
    #expect(try reader.get(id(2)) == object(100))
    try sandbox.write("repo/data/0/0", Array(segment.prefix(200)))
    #expect(
      throws: IntegrityError("Segment entry data short read [segment 0, offset 149]: expected 100, got 10 bytes")
    ) { try reader.get(id(2)) }
    reader.close()
  }

  @Test func `every flipped byte of a segment is noticed and none traps`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), object(20))
    try repository.delete(id(1))
    try repository.put(id(2), object(20))
    try repository.commit(CommitOptions())
    repository.close()
    let original = try sandbox.contents()
    let segment = try #require(original["data/0/0"])
    for position in segment.indices {
      var damaged = original
      damaged["data/0/0"]?[position] ^= UInt8(1 << (position % 8))
      for name in ["index.1", "hints.1", "integrity.1"] { damaged[name] = nil }
      try sandbox.restore(damaged)
      let reader = try sandbox.open("repo", .shared)
      #expect(throws: IntegrityError.self, "byte \(position)") { try reader.objectCount() }
      reader.close()
    }
  }

  @Test func `a missing segment names itself`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), object(100))
    try repository.commit(CommitOptions())
    repository.close()
    try Files.unlink(sandbox.path("repo/data/0/0"))
    let reader = try sandbox.open("repo", .shared)
    #expect(
      throws: IntegrityError(
        "Segment file \(sandbox.directory.path)/repo/data/0/0 is missing. Run borg check (full check, not "
          + "--archives-only) and then borg check --repair to fix the repository.")
    ) { try reader.get(id(1)) }
    reader.close()
  }

  @Test func `a shared lock does not write`() throws {
    try sandbox.create().close()
    let reader = try sandbox.open("repo", .shared)
    #expect(throws: RepositoryError.exclusiveLockMissing) {
      try reader.put(id(1), [])
    }
    reader.close()
    #expect(throws: RepositoryError.self) { try reader.objectCount() }
  }

  @Test func `the quota dooms the transaction`() throws {
    var options = LocalRepository.CreateOptions()
    options.storageQuota = 10_000
    let repository = try sandbox.create("repo", options)
    try repository.put(id(1), object(5000))
    let exceeded = RepositoryError.storageQuotaExceeded(quota: "10.00 kB", used: "11.08 kB")
    #expect(throws: exceeded) { try repository.put(id(2), object(6000)) }
    #expect(throws: exceeded) { try repository.commit(CommitOptions()) }
    #expect(try repository.objectCount() == 0)
    try repository.put(id(1), object(5000))
    try repository.commit(CommitOptions())
    #expect(try repository.storageQuotaUse() == (5041, 10_000))
    repository.close()
  }

  @Test func `append-only logs transactions and keeps everything`() throws {
    var options = LocalRepository.CreateOptions()
    options.appendOnly = true
    let repository = try sandbox.create("repo", options)
    try repository.put(id(1), object(10))
    try repository.commit(CommitOptions(compacts: true))
    try repository.delete(id(1))
    try repository.commit(CommitOptions(compacts: true))
    #expect(try sandbox.segments() == [0, 1, 2, 3])
    let log = String(decoding: try sandbox.bytes("repo/transactions"), as: UTF8.self).split(separator: "\n")
    #expect(log.count == 2)
    #expect(log[1].hasPrefix("transaction 3, UTC time 2") && log[1].utf8.count == 24 + 26)
    let refusal = RepositoryError.appendOnly(path: "\(sandbox.directory.path)/repo")
    #expect(throws: refusal) { try repository.destroy() }
    #expect(throws: refusal) { try repository.check(repair: true, maximumSeconds: 0) }
    repository.close()
  }

  @Test func `the nonce only moves from where the caller knows it`() throws {
    let repository = try sandbox.create()
    #expect(try repository.freeNonce() == nil)
    try repository.commitNonceReservation(next: 0x1000_001c, start: nil)
    #expect(try sandbox.bytes("repo/nonce") == Array("000000001000001c".utf8))
    #expect(throws: RepositoryError.self) { try repository.commitNonceReservation(next: 5, start: nil) }
    #expect(try repository.freeNonce() == 0x1000_001c)
    try sandbox.write("repo/nonce", Array("xyz".utf8))
    #expect(throws: RepositoryError.self) { try repository.freeNonce() }
    repository.close()
  }

  @Test func `the key lives in the config and its old form does not stay`() throws {
    let repository = try sandbox.create()
    #expect(try repository.loadKey().isEmpty)
    try repository.saveKey(Array("abc\ndef".utf8))
    repository.close()
    #expect(String(decoding: try sandbox.bytes("repo/config"), as: UTF8.self).contains("key = abc\n\tdef\n"))
    #expect(!sandbox.exists("repo/config.old"))
    let reader = try sandbox.open("repo", .shared)
    #expect(try reader.loadKey() == Array("abc\ndef".utf8))
    reader.close()
  }

  @Test func `destroying leaves nothing`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), [1])
    try repository.commit(CommitOptions())
    try repository.destroy()
    #expect(!sandbox.exists("repo"))
  }

  @Test func `a lost lock stops the writer`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), [1])
    try LocalRepository.breakLock(sandbox.location())
    #expect(throws: RepositoryError.self) { try repository.commit(CommitOptions()) }
    #expect(throws: RepositoryError.self) { try repository.put(id(1), [1]) }
    #expect(try sandbox.segments() == [0])
    repository.close()
  }

  @Test(arguments: [
    (Int64(0), "0 B"), (999, "999 B"), (1000, "1.00 kB"), (10_000_000, "10.00 MB"), (999_999, "1.00 MB"),
    (-1500, "-1.50 kB"), (Int64.max, "9.22 EB"),
  ])
  func `sizes read as Borg's`(bytes: Int64, text: String) {
    #expect(FileSize.text(bytes) == text)
  }

  @Test(arguments: [
    ("500", Int64(500)), ("1.5G", 1_500_000_000), ("10M", 10_000_000), ("500m", nil), ("", nil), ("K", nil),
    ("1e3", nil), ("99999999999999999P", nil), ("-1", nil), (".", nil), ("0.5K", 500),
  ])
  func `config sizes are decimal with upper-case suffixes`(text: String, size: Int64?) {
    #expect(FileSize.parse(text) == size)
  }
}
