import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Synchronization
import Testing

@testable import BorgRepository

struct RepositoryCheckTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try Sandbox() }

  private func fill() throws {
    let repository = try sandbox.createSmall()
    for number in 1...6 { try repository.put(id(UInt8(number)), object(30, seed: UInt8(number))) }
    try repository.delete(id(6))
    try repository.commit(CommitOptions())
    repository.close()
  }

  private func change(_ name: String, _ change: (inout [UInt8]) -> Void) throws {
    var bytes = try sandbox.bytes(name)
    change(&bytes)
    try sandbox.write(name, bytes)
  }

  /// The result, and what was logged at error level.
  private func check(repair: Bool = false, seconds: Int = 0) throws -> (result: Bool, errors: [String]) {
    let repository = try sandbox.open()
    defer { repository.close() }
    let start = sandbox.monitor.records.count
    let result = try repository.check(repair: repair, maximumSeconds: seconds)
    return (result, sandbox.monitor.records[start...].filter { $0.level == .error }.map(\.message))
  }

  @Test func `a sound repository has no problems`() throws {
    try fill()
    let (result, errors) = try check()
    #expect(result && errors.isEmpty)
    #expect(sandbox.monitor.messages.contains("finished segment check at segment 4"))
    #expect(sandbox.monitor.messages.last == "Finished full repository check, no problems found.")
  }

  @Test func `a damaged entry is reported, and a repair saves the others`() throws {
    try fill()
    try change("repo/data/0/0") { $0[60] ^= 1 }
    let (result, errors) = try check()
    #expect(!result)
    #expect(errors.first == "Data integrity error: Segment entry checksum mismatch [segment 0, offset 8]")
    #expect(
      errors.dropFirst().prefix(3) == [
        "Index object count mismatch.", "committed index: 5 objects", "rebuilt index:   3 objects",
      ])
    #expect(
      errors.contains(
        "ID: \(id(2).hex) rebuilt index: <not found>      committed index: (0, 79)         "))
    #expect(errors.last == "Finished full repository check, errors found.")

    #expect(try check(repair: true).result)
    let repository = try sandbox.open()
    #expect(try repository.objectCount() == 4)
    #expect(try repository.get(id(2)) == object(30, seed: 2))
    #expect(try !repository.contains(id(1)))
    repository.close()
    #expect(try check().errors.isEmpty)
  }

  @Test func `an emptied segment becomes a bare magic`() throws {
    try fill()
    try sandbox.write("repo/data/0/1", [])
    #expect(try check().errors.first == "Data integrity error: Invalid segment magic [segment 1, offset 0]")
    #expect(try check(repair: true).result)
    #expect(try sandbox.bytes("repo/data/0/1") == Array("BORG_SEG".utf8))
    #expect(try check().errors.isEmpty)
  }

  @Test func `without any commit a repair adds one`() throws {
    try fill()
    try change("repo/data/0/4") { $0[10] ^= 1 }
    #expect(try !check().result)
    let (result, errors) = try check(repair: true)
    #expect(result)
    #expect(errors.contains { $0.hasPrefix("Adding commit tag to segment ") })
    let repository = try sandbox.open()
    #expect(try repository.objectCount() == 5)
    repository.close()
    #expect(try check().errors.isEmpty)
  }

  @Test func `nothing at all is no valid data`() throws {
    try sandbox.create().close()
    #expect(try check() == (false, ["This repository contains no valid data."]))
  }

  @Test func `a partial check goes on where it stopped`() throws {
    try fill()
    let repository = try sandbox.open()
    try repository.setConfigValue(section: "repository", option: "last_segment_checked", "2")
    #expect(try repository.check(repair: false, maximumSeconds: 1000))
    #expect(sandbox.monitor.messages.contains("skipping to segments >= 3"))
    #expect(sandbox.monitor.messages.last == "Finished partial repository check, no problems found.")
    #expect(repository.configValue(section: "repository", option: "last_segment_checked") == nil)
    repository.close()
  }

  @Test func `an index with a wrong entry is told apart from the segments`() throws {
    try fill()
    try Files.unlink(sandbox.path("repo/integrity.4"))
    let index = RepositoryIndex()
    for number in 1...5 { index.set(id(UInt8(number)), EntryLocation(segment: 0, offset: 8)) }
    try sandbox.write("repo/index.4", index.withFileBytes { Array($0) })
    let (result, errors) = try check()
    #expect(!result)
    #expect(errors.count == 5)
    #expect(try check(repair: true).result)
    #expect(try check().errors.isEmpty)
  }

  /// A signal closes the repository while the command's own thread checks: its lock must not wait for the end.
  @Test func `closing ends a check that is under way`() throws {
    try fill()
    let monitor = HookedMonitor()
    let repository = try LocalRepository.open(
      sandbox.location(), lock: LockOptions(mode: .exclusive, waitSeconds: 0), environment: sandbox.environment,
      monitor: monitor)
    let closer = Mutex<Worker?>(nil)
    monitor.onFirstLog {
      closer.withLock { $0 = try? Worker { repository.close() } }
      usleep(300_000)
    }
    #expect(throws: RepositoryError.self) { try repository.check(repair: false, maximumSeconds: 0) }
    closer.withLock { $0?.join() }
    #expect(!sandbox.exists("repo/lock.exclusive"))
    #expect(try check().result)
  }

  @Test func `garbage between entries is skipped by a repair`() throws {
    try fill()
    let original = try sandbox.bytes("repo/data/0/0")
    let entries = original.dropFirst(8)
    try sandbox.write(
      "repo/data/0/0", Array(original.prefix(8)) + [1, 2, 3] + entries.prefix(71) + object(50) + entries.dropFirst(71))
    #expect(try check(repair: true).result)
    #expect(try sandbox.bytes("repo/data/0/0") == original)
  }

  @Test(arguments: [0, 1] as [UInt8]) func `entries too small for their id are garbage`(tag: UInt8) throws {
    try fill()
    let original = try sandbox.bytes("repo/data/0/0")
    var small = [0, 0, 0, 0, 20, 0, 0, 0, tag] + object(11)
    let checksum = small.withUnsafeBytes { SegmentChecksum.entry($0) }
    small.replaceSubrange(0..<4, with: withUnsafeBytes(of: checksum.littleEndian) { Array($0) })
    try sandbox.write("repo/data/0/0", Array(original.prefix(8)) + [1, 2, 3] + small + original.dropFirst(8))
    #expect(try check(repair: true).result)
    #expect(try sandbox.bytes("repo/data/0/0") == original)
  }
}

/// Calls back when it first hears of something.
private final class HookedMonitor: Monitor {
  private let hook = Mutex<(@Sendable () -> Void)?>(nil)

  let wantsProgress = false
  let wantsFileStatus = false

  func onFirstLog(_ body: @escaping @Sendable () -> Void) { hook.withLock { $0 = body } }

  func log(_ record: LogRecord) {
    let body = hook.withLock { hook in
      defer { hook = nil }
      return hook
    }
    body?()
  }

  func fileStatus(_ status: Character, path: [UInt8]) {}
  func progress(_ progress: ArchiveProgress?) {}
  func progress(_ progress: OperationProgress) {}
  func ask(_ question: Question) -> Bool { false }
}
