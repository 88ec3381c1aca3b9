import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

struct RecreateCommandTests {
  private let runner: CommandRunner
  private let repository: String

  init() throws {
    runner = try CommandRunner()
    repository = "\(runner.directory.path)/repository"
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
  }

  /// Makes an archive of two items, one of which no reader takes.
  private func makeArchive(_ name: String) throws {
    let monitor = RecordingMonitor(answers: [true, true])
    let location = try #require(Location(parsing: Array(repository.utf8), defaultRepository: nil))
    let open = try LocalRepository.open(
      location, lock: LockOptions(mode: .exclusive, waitSeconds: 1), environment: runner.environment,
      monitor: monitor)
    defer { open.close() }
    let context = SessionContext(environment: runner.environment, monitor: monitor)
    let session = try RepositorySession(repository: open, operations: [], context: context)
    let cache = try Cache(session: session, Cache.Options())
    defer { cache.close() }
    let writer = try ArchiveWriter(named: Array(name.utf8), session: session, cache: cache, ArchiveWriter.Options())
    var odd = Item(path: Array("odd".utf8), mode: FileType.directory | 0o755)
    odd.user = [0x61, 0, 0x62]
    try writer.add(odd)
    try writer.add(Item(path: Array("plain".utf8), mode: FileType.directory | 0o755))
    _ = try writer.save()
  }

  @Test func `an archive with items that cannot be read is not replaced`() throws {
    try makeArchive("a")
    let before = try runner.run("list", repository).output
    let result = try runner.run("recreate", "--comment", "new", "\(repository)::a")
    #expect(result.code == 2)
    #expect(result.error.contains("1 items cannot be read, it stays as it is."))
    #expect(try runner.run("list", repository).output == before)
    #expect(try runner.run("check", "--verify-data", repository).code == 0)
  }

  /// As in Borg: a PATH takes the place of the roots before it, those after it come on top.
  @Test func `roots among the patterns select what is behind them as well`() throws {
    let source = "\(runner.directory.path)/source"
    try Files.makeDirectory(Array(source.utf8))
    for name in ["a", "b", "c"] { try Files.makeDirectory(Array("\(source)/\(name)".utf8)) }
    #expect(try runner.run("create", "\(repository)::one", "\(source)/./").code == 0)
    let archive = "\(repository)::one"
    #expect(try runner.run("list", "--short", archive, "a", "--pattern=R b").output == "a\nb\n")
    #expect(try runner.run("list", "--short", "--pattern=R b", archive, "a").output == "a\n")
    #expect(try runner.run("list", "--short", "--pattern=R b", archive).output == "b\n")
  }
}
