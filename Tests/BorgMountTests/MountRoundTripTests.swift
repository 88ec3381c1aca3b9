import BorgArchive
import BorgFormat
import BorgMount
import BorgRepository
import BorgSystem
import BorgTesting
import BorgTree
import Glibc
import Testing

/// How often a mount waits for a distant server.
@Suite struct MountRoundTripTests {
  private let directory: TemporaryDirectory
  private let environment: Environment
  private let server: String
  private let rsh = "sh -c 'shift; exec \"$@\"' rsh"
  private var repository: String { "ssh://near\(directory.path)/repo" }

  init() throws {
    directory = try TemporaryDirectory()
    let tests = try Files.resolved(Array("/proc/self/exe".utf8))
    server = String(decoding: Files.parent(of: tests) + Array("/borg".utf8), as: UTF8.self)
    environment = Environment(variables: [
      "BORG_BASE_DIR": directory.path, "HOME": directory.path, "PATH": "/usr/bin:/bin", "BORG_RSH": rsh,
      "BORG_REMOTE_PATH": server, "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
    ])
  }

  private func write(_ name: String, size: Int) throws {
    let path = directory.path("files/\(name)")
    try Files.makeDirectories(Files.parent(of: path))
    var generator = SystemRandomNumberGenerator()
    let words = (0..<(size + 7) / 8).map { _ in generator.next() }
    let file = try BorgSystem.File.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    try words.withUnsafeBytes { try file.write($0) }
    try file.close()
  }

  private func borg(_ words: String...) throws {
    let child = try ChildProcess([server] + words, environment: environment)
    guard try child.wait() == 0 else { throw FormatError("\(words)") }
  }

  private func walk(_ tree: any FileTree, _ directory: UInt64) throws -> [Attributes] {
    var found: [Attributes] = []
    try tree.forEachEntry(of: directory, after: 0) { entry in
      if !entry.name.elementsEqual(".".utf8), !entry.name.elementsEqual("..".utf8) { found.append(entry.attributes) }
      return true
    }
    let below = try found.flatMap { entry in
      entry.mode & FileType.mask == FileType.directory ? try walk(tree, entry.inode) : []
    }
    return found + below
  }

  private func tree(_ session: RepositorySession, _ index: MetadataIndex?) throws -> RepositoryTree {
    let source = ArchiveTreeSource(
      session: session, entries: session.manifest.data.archives, matcher: PatternMatcher(fallback: true),
      usesNames: true, index: index)
    return try RepositoryTree(source, options: TreeOptions(uid: 0, gid: 0, mountTime: 0))
  }

  /// Of opening the repository, of walking an archive, of reading its largest file from beginning to end, and of walking
  /// the archive in another mount.
  private func trips(files: Int) throws -> [Int] {
    for number in 0..<files { try write("\(number % 9)/\(number)", size: 64) }
    try write("large", size: 30 << 20)
    try borg("init", "-e", "none", repository)
    try borg("create", "-C", "none", "\(repository)::one", "\(directory.path)/files")
    var options = RemoteOptions()
    (options.rsh, options.remotePath) = (rsh, Array(server.utf8))
    let location = try #require(Location(parsing: Array(repository.utf8), defaultRepository: nil))
    let remote = try RemoteRepository.open(
      location, lock: LockOptions(mode: .shared), remote: options, environment: environment,
      monitor: RecordingMonitor())
    defer { remote.close() }
    let session = try RepositorySession(
      repository: remote, operations: [.read], assertsSecure: false,
      context: SessionContext(environment: environment, monitor: RecordingMonitor()))
    var counts = [remote.roundTripCount]
    let index = MetadataIndex(of: session)
    let tree = try tree(session, index)
    let found = try walk(tree, 1)
    #expect(found.count > files)
    counts.append(remote.roundTripCount)
    let large = try #require(found.max { $0.size < $1.size })
    let content = try tree.open(large.inode)
    var offset: Int64 = 0
    while offset < large.size {
      let count = try content.bytes(at: offset, count: 128 << 10).reduce(0) { $0 + $1.count }
      try #require(count > 0)
      offset += Int64(count)
    }
    counts.append(remote.roundTripCount)
    index?.finish()
    let again = try self.tree(session, MetadataIndex(of: session))
    #expect(try walk(again, 1).map(\.inode) == found.map(\.inode))
    counts.append(remote.roundTripCount)
    return zip(counts, [0] + counts).map { $0 - $1 }
  }

  @Test func `opening and walking are a few round trips, and reading is a stream`() throws {
    let few = try trips(files: 20)
    let many = try MountRoundTripTests().trips(files: 3000)
    #expect(few[0] <= 2 && many[0] == few[0])
    #expect(few[1] <= 2 && many[1] <= 3)
    // 240 reads; how far the threads that read ahead have come is not always the same.
    #expect(few[2] <= 20 && many[2] <= 20)
    #expect(few[3] == 0 && many[3] == 0)
  }
}
