import BorgFormat
import BorgSystem
import BorgTesting
import Synchronization
import Testing

@testable import BorgRepository

struct CompactionTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try Sandbox() }

  @Test func `the worked example ends in the same segments`() throws {
    let repository = try sandbox.createSmall()
    for number in 1...12 { try repository.put(id(UInt8(number)), object(30)) }
    try repository.commit(CommitOptions())
    for number in stride(from: 1, through: 11, by: 2) { try repository.delete(id(UInt8(number))) }
    try repository.commit(CommitOptions())
    try repository.put(id(50), object(30))
    try repository.commit(CommitOptions(compacts: true))
    let sizes = try sandbox.segments().map { ($0, try sandbox.bytes("repo/data/0/\($0)").count) }
    #expect(sizes.map(\.0) == [10, 12, 13, 14, 15])
    #expect(sizes.map(\.1) == [79, 159, 159, 150, 17])
    #expect(try repository.objectCount() == 7)
    #expect(try repository.storageQuotaUse().used == 7 * 71)
    #expect(sandbox.monitor.messages.contains("compaction freed about 426 B repository space."))
    repository.close()
    let checker = try sandbox.open()
    #expect(try checker.check(repair: false, maximumSeconds: 0))
    checker.close()
  }

  @Test func `a compaction whose lock is gone commits and deletes nothing more`() throws {
    let repository = try sandbox.createSmall()
    for number in 1...12 { try repository.put(id(UInt8(number)), object(30)) }
    try repository.commit(CommitOptions())
    for number in stride(from: 1, through: 11, by: 2) { try repository.delete(id(UInt8(number))) }
    try repository.commit(CommitOptions())
    repository.close()
    let before = try sandbox.segments()
    let monitor = ProgressMonitor { try? LocalRepository.breakLock(sandbox.location()) }
    let unlucky = try LocalRepository.open(
      sandbox.location(), lock: LockOptions(mode: .exclusive, waitSeconds: 0), environment: sandbox.environment,
      monitor: monitor)
    #expect(throws: RepositoryError.exclusiveLockMissing) {
      try unlucky.commit(CommitOptions(compacts: true, threshold: 0))
    }
    unlucky.close()
    #expect(try Set(before).isSubset(of: sandbox.segments()))
    let next = try sandbox.open()
    for number in stride(from: 2, through: 12, by: 2) { #expect(try next.get(id(UInt8(number))) == object(30)) }
    try next.commit(CommitOptions(compacts: true, threshold: 0))
    #expect(try next.check(repair: false, maximumSeconds: 0))
    next.close()
  }

  @Test func `nothing below the threshold is touched`() throws {
    let repository = try sandbox.create()
    for number in 1...10 { try repository.put(id(UInt8(number)), object(1000)) }
    try repository.commit(CommitOptions())
    try repository.delete(id(1))
    try repository.commit(CommitOptions(compacts: true, threshold: 0.5))
    #expect(sandbox.exists("repo/data/0/0"))
    try repository.put(id(1), object(5))
    try repository.commit(CommitOptions(compacts: true, threshold: 0.05))
    #expect(!sandbox.exists("repo/data/0/0"))
    #expect(try repository.objectCount() == 10)
    repository.close()
  }

  @Test func `commit-only files go when asked`() throws {
    let repository = try sandbox.create()
    for number in 1...5 {
      try repository.put(id(UInt8(number)), object(1000))
      try repository.commit(CommitOptions())
    }
    #expect(try sandbox.segments().count == 10)
    try repository.put(id(6), object(1000))
    try repository.commit(CommitOptions(compacts: true, threshold: 0.1, cleanupCommits: true))
    #expect(try sandbox.segments().count == 7)
    repository.close()
  }

  @Test func `hints that name missing segments do no harm`() throws {
    let repository = try sandbox.create()
    try repository.put(id(1), object(10))
    try repository.commit(CommitOptions())
    repository.close()
    var hints = Hints()
    hints.segments[0] = 1
    hints.segments[99] = -7
    hints.compact[99] = 5
    hints.compact[-3] = .max
    hints.storageQuotaUse = .min
    hints.shadow[id(1)] = [5, 5, -1]
    try sandbox.write("repo/hints.1", hints.encoded())
    try Files.unlink(sandbox.path("repo/integrity.1"))
    let writer = try sandbox.open()
    try writer.put(id(1), object(11))
    try writer.commit(CommitOptions(compacts: true, threshold: 0))
    #expect(try writer.get(id(1)) == object(11))
    #expect(sandbox.monitor.messages.contains("segment 99 not found, but listed in compaction data"))
    writer.close()
  }
}

/// Calls back when it first hears that something goes on.
private final class ProgressMonitor: Monitor {
  private let hook: Mutex<(@Sendable () -> Void)?>

  let wantsProgress = true
  let wantsFileStatus = false

  init(_ body: @escaping @Sendable () -> Void) { hook = Mutex(body) }

  func progress(_ progress: OperationProgress) {
    let body = hook.withLock { hook in
      defer { hook = nil }
      return hook
    }
    body?()
  }

  func log(_ record: LogRecord) {}
  func fileStatus(_ status: Character, path: [UInt8]) {}
  func progress(_ progress: ArchiveProgress?) {}
  func ask(_ question: Question) -> Bool { false }
}
