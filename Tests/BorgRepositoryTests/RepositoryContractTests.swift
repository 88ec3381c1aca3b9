import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgRepository

/// What every `Repository` promises, on the disk and behind our own server.
struct RepositoryContractTests {
  enum Reach: String, CaseIterable { case disk, server }

  private let sandbox: Sandbox

  init() throws {
    sandbox = try Sandbox()
    _ = signal(SIGPIPE, SIG_IGN)
  }

  private func create(_ reach: Reach, _ options: LocalRepository.CreateOptions = .init()) throws -> any Repository {
    reach == .disk ? try sandbox.create("repo", options) : try connect(.exclusive, options)
  }

  private func open(_ reach: Reach, _ mode: LockOptions.Mode = .exclusive) throws -> any Repository {
    reach == .disk ? try sandbox.open("repo", mode) : try connect(mode)
  }

  private func connect(
    _ mode: LockOptions.Mode, _ creation: LocalRepository.CreateOptions? = nil
  ) throws -> RemoteRepository {
    let served = try ServedConnection(sandbox)
    let location = Location(host: .ssh(user: nil, host: "test", port: nil), path: sandbox.path("repo"))
    let options = RemoteRepository.OpenOptions(lock: LockOptions(mode: mode, waitSeconds: 0), creation: creation)
    let channel = Channel(requests: served.requests.writer, replies: served.responses.reader)
    return try RemoteRepository(location, options, channel, monitor: sandbox.monitor)
  }

  /// What errors call the repository.
  private func name(_ reach: Reach) -> String {
    let path = String(decoding: sandbox.path("repo"), as: UTF8.self)
    return reach == .disk ? path : "ssh://test\(path)"
  }

  /// A server lets go of its lock when it sees the end of its input, which is soon.
  private func waitForRelease() throws {
    for _ in 0..<2000 where sandbox.exists("repo/lock.exclusive") || sandbox.exists("repo/lock.roster") { usleep(5000) }
  }

  @Test(arguments: Reach.allCases)
  func `what is committed is there for the next one, what is not is gone`(_ reach: Reach) throws {
    var repository = try create(reach)
    for number in 1...50 { try repository.put(id(UInt8(number)), object(number * 1000, seed: UInt8(number))) }
    try repository.delete(id(7))
    try repository.put(id(8), [8])
    try repository.commit(CommitOptions())
    try repository.put(id(60), [1])
    #expect(try repository.get(id(60)) == [1])
    let identity = repository.id
    repository.close()
    repository.close()
    try waitForRelease()
    repository = try open(reach)
    #expect(repository.id == identity)
    #expect(try repository.objectCount() == 49)
    #expect(try repository.get(id(8)) == [8])
    #expect(try repository.get(id(50)) == object(50_000, seed: 50))
    for missing in [id(7), id(60)] {
      #expect(try !repository.contains(missing))
      #expect(throws: RepositoryError.objectNotFound(id: missing, path: name(reach))) { try repository.get(missing) }
    }
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `a rollback forgets what was put, deleted and read ahead`(_ reach: Reach) throws {
    let repository = try create(reach)
    try repository.put(id(1), [1])
    try repository.commit(CommitOptions())
    try repository.put(id(1), [2])
    try repository.put(id(2), [2])
    try repository.delete(id(1))
    repository.prefetch([id(2)])
    try repository.rollback()
    #expect(try repository.get(id(1)) == [1])
    #expect(try !repository.contains(id(2)))
    try repository.put(id(3), [3])
    try repository.commit(CommitOptions())
    #expect(try repository.objectCount() == 2)
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `lists and scans come by the page, whole and once`(_ reach: Reach) throws {
    let repository = try create(reach)
    let ids = (1...100).map { id(UInt8($0)) }
    for id in ids { try repository.put(id, [0]) }
    try repository.commit(CommitOptions())
    for page in [1, 7, 100, 1000] {
      var (listed, scanned): ([ChunkID], [ChunkID]) = ([], [])
      while case let more = try repository.list(after: listed.last, limit: page), !more.isEmpty {
        #expect(more.count <= page)
        listed += more
      }
      while case let more = try repository.scan(after: scanned.last, limit: page), !more.isEmpty { scanned += more }
      #expect(Set(listed) == Set(ids))
      #expect(listed.count == ids.count)
      #expect(scanned == ids)
    }
    #expect(try repository.list(after: nil, limit: .max).count == 100)
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `an object that is missing is an error at delete, too, at the latest with the commit`(_ reach: Reach) throws {
    let repository = try create(reach)
    try repository.put(id(1), [1])
    try repository.commit(CommitOptions())
    #expect(throws: RepositoryError.objectNotFound(id: id(2), path: name(reach))) {
      try repository.delete(id(2))
      try repository.settle()
    }
    try repository.rollback()
    #expect(try repository.get(id(1)) == [1])
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `an object that is too large is refused at once`(_ reach: Reach) throws {
    let repository = try create(reach)
    let limit = SegmentEntryHeader.maximumDataSize
    #expect(throws: IntegrityError("More than allowed put data [\(limit + 1) > \(limit)]")) {
      try repository.put(id(9), object(limit + 1))
    }
    try repository.put(id(9), object(limit))
    try repository.commit(CommitOptions())
    #expect(try repository.get(id(9)).count == limit)
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `nonces and the key are kept beside transactions`(_ reach: Reach) throws {
    let repository = try create(reach)
    #expect(try repository.freeNonce() == nil)
    try repository.commitNonceReservation(next: 64, start: nil)
    try repository.commitNonceReservation(next: 1 << 40, start: 64)
    #expect(try repository.freeNonce() == 1 << 40)
    #expect(throws: (any Error).self) { try repository.commitNonceReservation(next: 100, start: 64) }
    #expect(try repository.freeNonce() == 1 << 40)
    #expect(try repository.loadKey().isEmpty)
    try repository.saveKey(Array("BORG_KEY\nabc".utf8))
    #expect(try repository.loadKey() == Array("BORG_KEY\nabc".utf8))
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `another's lock keeps out, and a shared one allows no change`(_ reach: Reach) throws {
    try create(reach).close()
    try waitForRelease()
    try Files.makeDirectory(sandbox.path("repo/lock.exclusive"))
    try sandbox.write("repo/lock.exclusive/elsewhere@1.1-0", [])
    #expect {
      try open(reach, .shared)
    } throws: { error in
      if case .lockTimeout? = error as? RepositoryError { true } else { false }
    }
    try Files.unlink(sandbox.path("repo/lock.exclusive/elsewhere@1.1-0"))
    try Files.removeDirectory(sandbox.path("repo/lock.exclusive"))
    let readers = [try open(reach, .shared), try open(reach, .shared)]
    #expect(throws: (any Error).self) {
      try readers[0].put(id(1), [1])
      try readers[0].settle()
    }
    for reader in readers { reader.close() }
  }

  @Test(arguments: Reach.allCases)
  func `check finds damage and mends it`(_ reach: Reach) throws {
    var repository = try create(reach)
    for number in 1...3 { try repository.put(id(UInt8(number)), object(1000, seed: UInt8(number))) }
    try repository.commit(CommitOptions())
    #expect(try repository.check(repair: false, maximumSeconds: 0))
    repository.close()
    try waitForRelease()
    var segment = try sandbox.bytes("repo/data/0/0")
    segment[1500] ^= 1
    try sandbox.write("repo/data/0/0", segment)
    repository = try open(reach)
    #expect(try !repository.check(repair: false, maximumSeconds: 0))
    #expect(try repository.check(repair: true, maximumSeconds: 0))
    #expect(try repository.check(repair: false, maximumSeconds: 0))
    #expect(try !repository.contains(id(2)))
    #expect(try repository.get(id(3)) == object(1000, seed: 3))
    repository.close()
  }

  @Test(arguments: Reach.allCases)
  func `a commit may compact, and a destroyed repository is gone`(_ reach: Reach) throws {
    let repository = try create(reach)
    for number in 1...10 { try repository.put(id(UInt8(number)), object(10_000)) }
    try repository.commit(CommitOptions())
    for number in 1...9 { try repository.delete(id(UInt8(number))) }
    try repository.commit(CommitOptions())
    try repository.put(id(11), [1])
    try repository.commit(CommitOptions(compacts: true, threshold: 0))
    #expect(try repository.get(id(10)) == object(10_000))
    #expect(try !sandbox.segments().contains(0))
    try repository.destroy()
    #expect(!sandbox.exists("repo/config"))
    repository.close()
  }
}
