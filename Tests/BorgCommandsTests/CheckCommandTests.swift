import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// `borg check` on repositories that were damaged in one way each; the real Borg's check has the last word.
struct CheckCommandTests {
  private let runner: CommandRunner
  private let repository: String
  private let source: String

  init() throws {
    var runner = try CommandRunner()
    runner.environment.variables["BORG_CHECK_I_KNOW_WHAT_I_AM_DOING"] = "YES"
    self.runner = runner
    repository = "\(runner.directory.path)/repository"
    source = "\(runner.directory.path)/source"
    try Files.makeDirectory(Array(source.utf8))
    for number in 0..<600 {
      try Files.replace(Array("\(source)/file\(number)".utf8), with: Array("content \(number)".utf8))
    }
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
    for name in ["one", "two"] { #expect(try runner.run("create", "\(repository)::\(name)", source).code == 0) }
  }

  /// Changes objects of the repository as no command would, and commits.
  private func damage(_ body: (RepositorySession) throws -> Void) throws {
    let monitor = RecordingMonitor()
    let location = try #require(Location(parsing: Array(repository.utf8), defaultRepository: nil))
    let open = try LocalRepository.open(
      location, lock: LockOptions(mode: .exclusive, waitSeconds: 1), environment: runner.environment,
      monitor: monitor)
    defer { open.close() }
    let context = SessionContext(environment: runner.environment, monitor: monitor)
    try body(RepositorySession(repository: open, operations: [], assertsSecure: false, context: context))
    try open.commit(CommitOptions())
  }

  private func ids() throws -> [String] {
    try runner.run("list", "--format", "{name} {id}{NL}", repository).output.split(separator: "\n").map(String.init)
  }

  private func check(_ words: String...) throws -> CommandRunner.Result {
    switch words.count {
    case 0: try runner.run("check", "-v", repository)
    case 1: try runner.run("check", "-v", words[0], repository)
    default: try runner.run("check", "-v", words[0], words[1], repository)
    }
  }

  /// Real Borg, with its own home but this repository.
  private func oracleFindsNothing() throws {
    let oracle = try Oracle()
    try oracle.run("check", "--verify-data", repository)
  }

  @Test func `a sound repository stays as it is, repaired or not`() throws {
    let before = try ids()
    let result = try check("--verify-data")
    #expect(result.code == 0)
    #expect(result.error.contains("Analyzing archive two (2/2)\n"))
    #expect(result.error.contains(" chunks with 0 integrity errors.\n"))
    #expect(result.error.hasSuffix("Archive consistency check complete, no problems found.\n"))
    #expect(try check("--repair", "--verify-data").code == 0)
    #expect(try ids() == before)
    try oracleFindsNothing()
  }

  /// A machine that fails reads rightly the next time.
  @Test func `what cannot be read ends the check and stays`() throws {
    let before = try ids()
    var object: [UInt8] = []
    try damage { session in object = try session.repository.get(try #require(session.manifest.archives.last).id) }
    let folder = "\(repository)/data/0"
    let name = try #require(
      try Files.names(in: Array(folder.utf8)).first { name in
        try Files.read(Array(folder.utf8) + [0x2F] + name).firstRange(of: object) != nil
      })
    let path = Array(folder.utf8) + [0x2F] + name
    let sound = try Files.read(path)
    var damaged = sound
    damaged[try #require(sound.firstRange(of: object)).upperBound - 1] ^= 1
    try Files.replace(path, with: damaged)
    let result = try check("--archives-only", "--repair")
    #expect(result.code == 2 && result.error.contains("Segment entry checksum mismatch"))
    try Files.replace(path, with: sound)
    #expect(try ids() == before)
    #expect(try check("--verify-data").code == 0)
    try oracleFindsNothing()
  }

  @Test func `a missing file chunk becomes zeros and is healed when it comes back`() throws {
    var lost: (id: ChunkID, object: [UInt8])?
    try damage { session in
      let archive = try Archive(named: Array("one".utf8), in: session)
      try archive.forEachItem { item in
        guard let id = item.chunks?.first?.id else { return true }
        lost = (id, try session.repository.get(id))
        try session.repository.delete(id)
        return false
      }
    }
    let found = try check()
    #expect(found.code == 1)
    #expect(found.error.contains("Would replace it with all-zero chunk with --repair."))
    let repaired = try check("--repair")
    #expect(repaired.code == 0)
    #expect(repaired.error.contains("New missing file chunk detected (Byte 0-"))
    #expect(try check().code == 0)
    #expect(
      try runner.run("list", "--format", "{health}{NL}", "\(repository)::two").output.contains("broken"))
    try oracleFindsNothing()
    let before = try ids()
    try damage { session in
      let lost = try #require(lost)
      try session.repository.put(lost.id, lost.object)
    }
    let healed = try check("--repair")
    #expect(healed.error.contains("Completely healed previously damaged file!"))
    #expect(try ids() != before)
    #expect(
      try !runner.run("list", "--format", "{health}{NL}", "\(repository)::two").output.contains("broken"))
    try oracleFindsNothing()
  }

  @Test func `items before and after a lost piece of metadata are kept`() throws {
    let padding = String(repeating: "x", count: 200)
    for number in 0..<1500 {
      try Files.replace(Array("\(source)/\(padding)\(number)".utf8), with: [])
    }
    #expect(try runner.run("create", "\(repository)::many", source).code == 0)
    try damage { session in
      let archive = try Archive(named: Array("many".utf8), in: session)
      #expect(archive.metadata.items.count > 1)
      try session.repository.delete(archive.metadata.items[0])
    }
    let found = try check()
    #expect(found.code == 1)
    #expect(found.error.contains("item metadata chunk missing [chunk: 000000_"))
    #expect(try check("--repair").code == 0)
    let left = try runner.run("list", "--short", "\(repository)::many").output.split(separator: "\n").count
    #expect(left > 0 && left < 2100)
    #expect(try check("--verify-data").code == 0)
    try oracleFindsNothing()
  }

  @Test func `a lost manifest is rebuilt`() throws {
    let before = try ids()
    try damage { try $0.repository.delete(.manifest) }
    let found = try check()
    #expect(found.code == 1)
    #expect(found.error.contains("Repository manifest not found!"))
    #expect(found.error.contains("Found archive two"))
    #expect(try check("--repair").code == 0)
    #expect(Set(try ids()) == Set(before))
    try oracleFindsNothing()
  }

  @Test func `a corrupted manifest is rebuilt`() throws {
    let before = try ids()
    try damage { session in
      try session.repository.put(.manifest, try session.repository.get(.manifest) + Array("corrupted!".utf8))
    }
    #expect(try check().error.contains("Repository manifest is corrupted: "))
    #expect(try check("--repair").code == 0)
    #expect(Set(try ids()) == Set(before))
    try oracleFindsNothing()
  }

  @Test func `archives without metadata are dropped`() throws {
    try damage { session in
      let entry = try #require(session.manifest.entry(named: Array("one".utf8)))
      try session.repository.delete(entry.id)
    }
    #expect(try check().error.contains("Archive metadata block "))
    #expect(try check("--repair").code == 0)
    #expect(try ids().map { $0.prefix(3) } == ["two"])
    try oracleFindsNothing()
  }

  @Test func `what nobody refers to is found and deleted`() throws {
    let stray = ChunkID(words: (1, 2, 3, 4))
    try damage { try $0.repository.put(stray, try $0.repository.get(.manifest)) }
    let found = try check()
    #expect(found.code == 1)
    #expect(found.error.contains("1 orphaned objects found!"))
    #expect(try check("--last=1").error.contains("Orphaned objects check skipped (needs all archives checked)."))
    #expect(try check("--repair").code == 0)
    #expect(try check().code == 0)
    try oracleFindsNothing()
  }

  @Test func `objects that are not what their id says are found only by reading them`() throws {
    try damage { session in
      let archive = try Archive(named: Array("one".utf8), in: session)
      try archive.forEachItem { item in
        guard let id = item.chunks?.first?.id else { return true }
        var object = try session.repository.get(id)
        object[object.count - 1] ^= 1
        try session.repository.put(id, object)
        return false
      }
    }
    #expect(try check().code == 0)
    let found = try check("--verify-data")
    #expect(found.code == 1)
    #expect(found.error.contains(", integrity error: MAC Authentication failed"))
    #expect(try check("--verify-data", "--repair").error.contains("They will be deleted now"))
    #expect(try check("--verify-data").code == 0)
    try oracleFindsNothing()
  }

  @Test func `options that contradict each other are refused`() throws {
    #expect(try check("--repository-only", "--verify-data").code == 2)
    #expect(try check("--repository-only", "--archives-only").code == 2)
    #expect(try check("--max-duration=3").code == 2)
    #expect(try check("--repository-only", "--max-duration=3").code == 0)
    let missing = try runner.run("check", "\(repository)::nothing")
    #expect(missing.code == 1)
    #expect(missing.error.contains("Archive 'nothing' not found."))
    var runner = runner
    runner.environment.variables["BORG_CHECK_I_KNOW_WHAT_I_AM_DOING"] = "yes"
    #expect(try runner.run("check", "--repair", repository).code == 2)
  }
}
