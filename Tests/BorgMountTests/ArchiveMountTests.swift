import BorgArchive
import BorgFormat
import BorgMount
import BorgRepository
import BorgSystem
import BorgTesting
import BorgTree
import CLinux
import Glibc
import Testing

/// Archives that Borg made, mounted. Needs BORG_ORACLE and /dev/fuse.
@Suite(.serialized) struct ArchiveMountTests {
  /// A folder of every kind of file in two archives, `one` and (with `changed` rewritten) `two`.
  private final class Backup {
    let oracle: Oracle
    let source: String
    let repository: String

    init() throws {
      oracle = try Oracle()
      source = "\(oracle.home.path)/source"
      repository = "\(oracle.home.path)/repository"
      try fill()
      try oracle.run("init", "-e", "repokey", repository)
      try oracle.run("create", "\(repository)::one", source)
      try write("changed", Array("the second content".utf8))
      try oracle.run("create", "\(repository)::two", source)
    }

    func path(_ name: String) -> String { "\(source)/\(name)" }

    func write(_ name: String, _ bytes: [UInt8]) throws {
      let file = try BorgSystem.File.open(Array(path(name).utf8), O_WRONLY | O_CREAT | O_TRUNC)
      try bytes.withUnsafeBytes { try file.write($0) }
      try file.close()
    }

    private func fill() throws {
      try Files.makeDirectories(Array("\(source)/deep/er/est".utf8))
      try write("changed", Array("the first content".utf8))
      try write("empty", [])
      // About four chunks that do not compress, and many that are one and the same.
      var random = SystemRandomNumberGenerator()
      try write("deep/noise", (0..<(1 << 20)).flatMap { _ in withUnsafeBytes(of: random.next()) { Array($0) } })
      try write("deep/zeros", [UInt8](repeating: 0, count: 20 << 20))
      try write("deep/er/n\u{f6}", [1, 2, 3])
      guard link(path("changed"), path("deep/again")) == 0, symlink("../changed", path("deep/link")) == 0,
        mkfifo(path("fifo"), 0o640) == 0, chmod(path("empty"), 0o4711) == 0,
        setxattr(path("empty"), "user.key", "value", 5, 0) == 0
      else { throw SystemError.last() }
    }

    func open(_ lock: LockOptions.Mode = .shared) throws -> LocalRepository {
      guard let location = Location(parsing: Array(repository.utf8), defaultRepository: nil) else {
        throw SystemError(code: EINVAL)
      }
      return try LocalRepository.open(
        location, lock: LockOptions(mode: lock), environment: oracle.environment, monitor: RecordingMonitor())
    }

    func session(_ repository: LocalRepository) throws -> RepositorySession {
      try RepositorySession(
        repository: repository, operations: [.read], assertsSecure: false,
        context: SessionContext(environment: oracle.environment, monitor: RecordingMonitor()))
    }
  }

  private func tree(_ session: RepositorySession, _ archive: String? = nil) throws -> any FileTree {
    let entries = try session.manifest.select(ArchiveSelection())
    let options = TreeOptions(uid: getuid(), gid: getgid(), mountTime: 0)
    let shown = entries.filter { archive == nil || $0.name == Array((archive ?? "").utf8) }
    let source = ArchiveTreeSource(
      session: session, entries: shown, matcher: PatternMatcher(fallback: true), usesNames: true)
    return archive == nil
      ? try RepositoryTree(source, options: options)
      : try ArchiveTree(of: try #require(try source.archives().first), from: source, options: options)
  }

  @Test(arguments: ["one", "two"]) func `an archive is shown as its files were`(archive: String) throws {
    let backup = try Backup()
    if archive == "one" { try backup.write("changed", Array("the first content".utf8)) }
    let repository = try backup.open()
    defer { repository.close() }
    let mount = try MountedTree(try tree(try backup.session(repository), archive))
    let inside = String(backup.source.dropFirst())
    for name in ["changed", "deep/again", "empty", "deep", "deep/er/est", "deep/link", "fifo", "deep/er/n\u{f6}"] {
      var was = stat()
      #expect(lstat(backup.path(name), &was) == 0)
      let shown = try mount.status("\(inside)/\(name)")
      #expect((shown.st_mode, shown.st_uid, shown.st_gid) == (was.st_mode, was.st_uid, was.st_gid), "\(name)")
      if was.st_mode & S_IFMT == S_IFDIR { continue }
      #expect((shown.st_size, shown.st_nlink) == (was.st_size, was.st_nlink), "\(name)")
      if name != "changed", name != "deep/again" {
        #expect((shown.st_mtim.tv_sec, shown.st_mtim.tv_nsec) == (was.st_mtim.tv_sec, was.st_mtim.tv_nsec), "\(name)")
      }
    }
    for name in ["changed", "deep/again", "deep/noise", "deep/zeros", "empty", "deep/er/n\u{f6}"] {
      let was = try Files.read(Array(backup.path(name).utf8))
      #expect(try mount.content("\(inside)/\(name)", count: was.count + 1) == was, "\(name)")
    }
    #expect(try mount.status("\(inside)/changed").st_ino == mount.status("\(inside)/deep/again").st_ino)
    var value = [CChar](repeating: 0, count: 16)
    #expect(lgetxattr(mount.path("\(inside)/empty"), "user.key", &value, 16) == 5)
  }

  @Test func `parts of large files are right wherever they begin`() throws {
    let backup = try Backup()
    let repository = try backup.open()
    defer { repository.close() }
    let mount = try MountedTree(try tree(try backup.session(repository), "one"))
    let inside = String(backup.source.dropFirst())
    let was = try Files.read(Array(backup.path("deep/noise").utf8))
    for _ in 0..<200 {
      let offset = Int.random(in: 0..<was.count)
      let part = try mount.content("\(inside)/deep/noise", offset: offset, count: 5000)
      #expect(part == Array(was[offset...].prefix(5000)))
    }
  }

  @Test func `a missing chunk is EIO for who reads it and the mount goes on`() throws {
    let backup = try Backup()
    let whole = try backup.open()
    var lost: ChunkID?
    try Archive(named: Array("one".utf8), in: try backup.session(whole)).forEachItem { item in
      if item.path.suffix(5).elementsEqual("noise".utf8) { lost = item.chunks?.first?.id }
      return lost == nil
    }
    whole.close()
    let damaged = try backup.open(.exclusive)
    try damaged.delete(try #require(lost))
    try damaged.commit(CommitOptions())
    damaged.close()

    let repository = try backup.open()
    defer { repository.close() }
    let mount = try MountedTree(try tree(try backup.session(repository)))
    let inside = String(backup.source.dropFirst())
    for archive in ["one", "two"] {
      #expect(throws: SystemError(code: EIO)) { try mount.content("\(archive)/\(inside)/deep/noise", count: 100) }
      #expect(try mount.status("\(archive)/\(inside)/deep/noise").st_size == 8 << 20)
      #expect(try mount.content("\(archive)/\(inside)/deep/er/n\u{f6}") == [1, 2, 3])
    }
  }
}
