import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgRepository

struct DirectoryLockTests {
  private let sandbox: Sandbox
  private var path: [UInt8] { sandbox.path("lock") }

  init() throws { sandbox = try Sandbox() }

  private func acquire(_ mode: LockOptions.Mode, host: String = "sandbox", wait: Int = 0) throws -> DirectoryLock {
    try DirectoryLock.acquire(
      path: path, LockOptions(mode: mode, waitSeconds: wait),
      environment: Environment(variables: ["BORG_HOST_ID": host]), monitor: sandbox.monitor)
  }

  /// The id of a process that is no more.
  private func deadProcess() throws -> Int32 {
    let child = try ChildProcess(["true"], environment: sandbox.environment)
    _ = try child.wait()
    return child.pid
  }

  private func holdMutex(_ holder: String) throws {
    try Files.makeDirectory(sandbox.path("lock.exclusive"))
    try sandbox.write("lock.exclusive/\(holder)", [])
  }

  private func roster() throws -> String { String(decoding: try sandbox.bytes("lock.roster"), as: UTF8.self) }

  @Test func `the roster keeps its owner and mode`() throws {
    let first = try acquire(.shared)
    #expect(chmod(sandbox.directory.path + "/lock.roster", 0o664) == 0)
    if geteuid() == 0 { #expect(chown(sandbox.directory.path + "/lock.roster", 1234, 1235) == 0) }
    let second = try acquire(.shared, host: "other")
    let status = try Files.status(sandbox.path("lock.roster"))
    #expect(status.st_mode & 0o7777 == 0o664)
    #expect(geteuid() != 0 || (status.st_uid, status.st_gid) == (1234, 1235))
    try second.release()
    try first.release()
    #expect(try Files.names(in: sandbox.path("")).allSatisfy { !String(decoding: $0, as: UTF8.self).hasSuffix(".tmp") })
  }

  @Test func `a shared lock is a line in the roster`() throws {
    let lock = try acquire(.shared)
    #expect(try roster() == "{\"shared\": [[\"sandbox\", \(getpid()), 0]]}")
    #expect(!sandbox.exists("lock.exclusive"))
    #expect(!lock.holdsExclusively)
    try lock.release()
    #expect(!sandbox.exists("lock.roster"))
  }

  @Test func `an exclusive lock is a directory with the holder's file`() throws {
    let lock = try acquire(.exclusive)
    #expect(sandbox.exists("lock.exclusive/sandbox.\(getpid())-0"))
    #expect(try roster() == "{\"exclusive\": [[\"sandbox\", \(getpid()), 0]]}")
    #expect(lock.holdsExclusively)
    try lock.release()
    #expect(try Files.names(in: Array(sandbox.directory.path.utf8)).isEmpty)
  }

  @Test func `a foreign holder is waited for in vain`() throws {
    try holdMutex("elsewhere.1-0")
    #expect(throws: RepositoryError.lockTimeout(path: sandbox.directory.path + "/lock.exclusive")) {
      try acquire(.shared)
    }
    #expect(try Files.names(in: Array(sandbox.directory.path.utf8)) == [Array("lock.exclusive".utf8)])
  }

  @Test func `readers keep a writer out, by the lock's own path`() throws {
    try sandbox.write("lock.roster", Array("{\"shared\": [[\"elsewhere\", 1, 0]]}".utf8))
    #expect(throws: RepositoryError.lockTimeout(path: sandbox.directory.path + "/lock")) { try acquire(.exclusive) }
    #expect(!sandbox.exists("lock.exclusive"))
    try acquire(.shared).release()
    #expect(try roster().contains("elsewhere"))
  }

  @Test func `exclusive roster entries block nobody`() throws {
    try sandbox.write("lock.roster", Array("{\"exclusive\": [[\"elsewhere\", 1, 0]]}".utf8))
    try acquire(.exclusive).release()
  }

  @Test func `a dead holder's mutex goes, and the next try has it`() throws {
    let dead = try deadProcess()
    try holdMutex("sandbox.\(dead)-0")
    #expect(throws: RepositoryError.self) { try acquire(.exclusive, wait: 0) }
    #expect(sandbox.monitor.messages == ["Killed stale lock sandbox.\(dead)-0."])
    try acquire(.exclusive).release()
  }

  @Test func `with time to wait a dead holder costs only a moment`() throws {
    try holdMutex("sandbox.\(try deadProcess())-0")
    try acquire(.exclusive, wait: 1).release()
  }

  @Test func `other hosts, threads and malformed names are left alone`() throws {
    let dead = try deadProcess()
    for name in ["elsewhere.\(dead)-0", "sandbox.\(dead)-1", "nonsense"] {
      try holdMutex(name)
      #expect(throws: RepositoryError.self) { try acquire(.exclusive) }
      #expect(sandbox.exists("lock.exclusive/\(name)"))
      try Files.removeTree(sandbox.path("lock.exclusive"))
    }
    #expect(
      sandbox.monitor.messages == [
        "Found malformed lock nonsense in \(sandbox.directory.path)/lock.exclusive. Please check/fix manually."
      ])
  }

  @Test func `dead readers leave the roster`() throws {
    let dead = try deadProcess()
    try sandbox.write("lock.roster", Array("{\"shared\": [[\"sandbox\", \(dead), 0]]}".utf8))
    try acquire(.exclusive).release()
    #expect(
      sandbox.monitor.messages.contains("Removed stale shared roster lock for host sandbox pid \(dead) thread 0."))
  }

  @Test(arguments: ["", "{", "[1]", "{\"shared\": 5}"]) func `a broken roster is an empty one`(text: String) throws {
    try sandbox.write("lock.roster", Array(text.utf8))
    try acquire(.exclusive).release()
    #expect(!sandbox.exists("lock.roster"))
  }

  @Test func `an entry that is no holder keeps writers out`() throws {
    try sandbox.write("lock.roster", Array("{\"shared\": [[5, \"x\", 0]]}".utf8))
    #expect(throws: RepositoryError.self) { try acquire(.exclusive) }
    #expect(try roster().contains("[5, \"x\", 0]"))
  }

  @Test func `an empty lock directory is free`() throws {
    try Files.makeDirectory(sandbox.path("lock.exclusive"))
    try acquire(.exclusive).release()
  }

  @Test func `an upgrade needs the others to be gone`() throws {
    let lock = try acquire(.shared)
    let other = try acquire(.shared, host: "other")
    #expect(throws: RepositoryError.self) { try lock.upgrade() }
    #expect(try roster().contains("sandbox"))
    try other.release()
    try lock.upgrade()
    #expect(lock.holdsExclusively)
    try lock.release()
    #expect(try Files.names(in: Array(sandbox.directory.path.utf8)).isEmpty)
  }

  @Test func `a stolen lock is noticed`() throws {
    let lock = try acquire(.exclusive)
    try DirectoryLock.breakLocks(path: path)
    #expect(!lock.holdsExclusively)
    #expect(throws: RepositoryError.notLocked(path: sandbox.directory.path + "/lock.exclusive")) { try lock.release() }
  }

  @Test func `breaking removes every trace`() throws {
    try holdMutex("elsewhere.1-0")
    try sandbox.write("lock.roster", Array("{}".utf8))
    try DirectoryLock.breakLocks(path: path)
    #expect(try Files.names(in: Array(sandbox.directory.path.utf8)).isEmpty)
    try DirectoryLock.breakLocks(path: path)
  }

  @Test(arguments: [LockOptions.Mode.shared, .exclusive])
  func `a lock moves from a process to its child`(mode: LockOptions.Mode) throws {
    let lock = try acquire(mode)
    try lock.migrate(from: 1, to: 2)
    #expect(try roster().contains("\(getpid())"))
    let child = try deadProcess()
    try lock.migrate(from: getpid(), to: child)
    #expect(try roster().contains("[[\"sandbox\", \(child), 0]]"))
    #expect(sandbox.exists("lock.exclusive/sandbox.\(child)-0") == (mode == .exclusive))
    #expect(lock.holdsExclusively == (mode == .exclusive))
    #expect(sandbox.monitor.messages.isEmpty)
    try lock.release()
    #expect(try Files.names(in: Array(sandbox.directory.path.utf8)).isEmpty)
  }

  @Test func `a place that cannot be written gives Borg's reason`() throws {
    #expect {
      try DirectoryLock.acquire(
        path: sandbox.path("missing/lock"), LockOptions(mode: .shared), environment: sandbox.environment,
        monitor: sandbox.monitor)
    } throws: { error in
      guard case RepositoryError.lockFailed(let path, let reason) = error else { return false }
      return path == sandbox.directory.path + "/missing/lock.exclusive"
        && reason.hasPrefix("[Errno 2] No such file or directory: '\(sandbox.directory.path)/missing/lock.exclusive.")
    }
  }

  @Test func `holder names are parsed from the right`() {
    let holder = LockHolder(fileName: Array("my-host.a@12.34-1f".utf8))
    #expect(holder == LockHolder(host: "my-host.a@12", pid: 34, thread: 31))
    #expect(LockHolder(fileName: Array("no-dots".utf8)) == nil)
    #expect(LockHolder(fileName: Array("h.x-0".utf8)) == nil)
  }
}
