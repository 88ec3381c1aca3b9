import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// Whole commands, in process, from arguments to text and exit code.
struct CommandsTests {
  private let runner: CommandRunner
  private let repository: String
  private let source: String

  init() throws {
    runner = try CommandRunner()
    repository = "\(runner.directory.path)/repository"
    source = "\(runner.directory.path)/source"
    try Files.makeDirectory(Array(source.utf8))
    try Files.replace(Array("\(source)/file".utf8), with: Array("content".utf8))
    try Files.replace(Array("\(source)/other".utf8), with: Array("more".utf8))
  }

  private func makeArchives(_ names: String...) throws {
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
    for name in names { #expect(try runner.run("create", "\(repository)::\(name)", source).code == 0) }
  }

  private func names() throws -> [String] {
    try runner.run("list", "--short", repository).output.split(separator: "\n").map(String.init)
  }

  @Test func `an archive is made, listed, verified, renamed and deleted`() throws {
    try makeArchives("one", "two")
    #expect(try names() == ["one", "two"])
    let items = try runner.run("list", "--format", "{path} {size}{NL}", "\(repository)::one").output
    #expect(items.contains("/source/file 7\n"))
    #expect(try runner.run("extract", "--dry-run", "--list", "\(repository)::one").error.contains("source/other"))
    #expect(try runner.run("rename", "\(repository)::one", "three").code == 0)
    let deletion = try runner.run("delete", "--list", "--stats", repository, "three", "missing")
    #expect(deletion.code == 1)
    #expect(deletion.error.contains("Archive missing not found (2/2)."))
    #expect(deletion.error.contains("Deleted data:"))
    #expect(try names() == ["two"])
  }

  @Test func `a dry run changes nothing and has no statistics`() throws {
    try makeArchives("one")
    let deletion = try runner.run("delete", "--dry-run", "--list", "--stats", "\(repository)::one")
    #expect(
      deletion.error.hasPrefix("Ignoring --stats. It is not supported when using --dry-run.\nWould delete archive: one")
    )
    #expect(try names() == ["one"])
    let creation = try runner.run("create", "--dry-run", "--list", "/nowhere/at/all::x", source)
    #expect(creation.code == 0)
    #expect(creation.error.contains("- \(source)/file"))
  }

  @Test func `statistics come as a block and as a document`() throws {
    try makeArchives()
    let block = try runner.run("create", "--stats", "\(repository)::one", source).error.split(separator: "\n")
    #expect(block.first == Substring(StatisticsText.dashes) && block.last == Substring(StatisticsText.dashes))
    #expect(block.contains("Number of files: 2"))
    let document = try JSONValue(parsing: runner.run("create", "--json", "\(repository)::two", source).output)
    #expect(document["archive"]?["stats"]?["original_size"] == .int(11))
    #expect(document["cache"]?["stats"]?["total_size"] == .int(22))
    #expect(document["encryption"]?["mode"] == .string("repokey"))
    let info = try JSONValue(parsing: runner.run("info", "--json", "--last", "1", repository).output)
    guard case .array(let archives)? = info["archives"] else { throw FormatError("no archives") }
    #expect(archives.count == 1 && archives[0]["name"] == .string("two"))
  }

  @Test func `a repository is only deleted with the right word`() throws {
    try makeArchives("one")
    var runner = runner
    runner.environment.variables["BORG_DELETE_I_KNOW_WHAT_I_AM_DOING"] = "yes"
    let refused = try runner.run("delete", repository)
    #expect(refused.code == 2)
    #expect(refused.error.hasSuffix("Invalid answer, aborting.\nCancelled by user.\n"))
    runner.environment.variables["BORG_DELETE_I_KNOW_WHAT_I_AM_DOING"] = "YES"
    #expect(try runner.run("delete", repository).code == 0)
    #expect(!Files.exists(Array(repository.utf8)))
  }

  @Test func `errors have their own codes in the modern style`() throws {
    try makeArchives("one")
    var runner = runner
    #expect(try runner.run("list", "\(repository)::none").code == 2)
    runner.environment.variables["BORG_EXIT_CODES"] = "modern"
    #expect(try runner.run("list", "\(repository)::none").code == 31)
    #expect(try runner.run("create", "\(repository)::one", source).code == 30)
    #expect(try runner.run("create", "\(repository)::two", "/does/not/exist").code == 107)
    #expect(try runner.run("list", "\(repository)-none").code == 13)
    #expect(try runner.run("create", "--pattern", "x", "\(repository)::two", source).code == 4)
    #expect(try runner.run("list", "--nonsense").code == 2)
    runner.environment.variables["BORG_PASSPHRASE"] = "wrong"
    #expect(try runner.run("list", repository).code == 52)
  }

  @Test func `events are JSON lines when they are asked for`() throws {
    try makeArchives("one")
    let result = try runner.run("--log-json", "--show-rc", "list", "\(repository)::none")
    let lines = try result.error.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    #expect(lines.map { $0["msgid"] } == [.string("Archive.DoesNotExist"), nil])
    #expect(lines[1]["message"] == .string("terminating with error status, rc 2"))
    #expect(lines[1]["name"] == .string("borg.output.show-rc"))
  }

  @Test func `the benchmark measures four things of each set and leaves nothing`() throws {
    try makeArchives("one")
    var runner = runner
    runner.environment.variables["_BORG_BENCHMARK_CRUD_TEST"] = "1"
    let path = "\(runner.directory.path)/bench"
    let lines = try runner.run("benchmark", "crud", repository, path).output.split(separator: "\n")
    let expected = ["Z", "R"].flatMap { set in ["C", "R", "U", "D"].map { "\($0)-\(set)-TEST" } }
    #expect(lines.map { String($0.prefix(8)) } == expected)
    #expect(lines.allSatisfy { $0.contains(" MB/s (1 * 1 B ") })
    #expect(try names() == ["one"])
    #expect(try Files.names(in: Array(path.utf8)).isEmpty)
  }

  @Test func `borgfs is mount without its word`() throws {
    let help = try runner.run("--help", program: "borgfs").output
    #expect(help.hasPrefix("usage: borgfs [-V] [common options]"))
    #expect(help.contains("REPOSITORY_OR_ARCHIVE MOUNTPOINT [PATH ...]"))
    #expect(try runner.run("-V", program: "borgfs").output == "borgfs 1.4.5\n")
  }

  @Test func `old words are warned about`() throws {
    let result = try runner.run("list", "--prefix=x", "\(repository)-none")
    #expect(
      result.error.hasPrefix(
        "Warning: \"--prefix\" has been deprecated. Use \"--glob-archives 'yourprefix*'\" (-a) instead.\n"))
  }

  @Test(arguments: ["patterns", "placeholders", "compression", "create", "prune"])
  func `every topic has its help`(topic: String) throws {
    #expect(try runner.run("help", topic).output.count > 300)
  }
}

struct DiagnosisTests {
  private static let id = ChunkID.manifest

  @Test(
    arguments: [
      (ArchiveError.doesNotExist(name: [0x61]), "Archive a does not exist", "Archive.DoesNotExist", 31),
      (ArchiveError.command("x"), "Command Error: x", "CommandError", 4),
      (ArchiveError.badPattern("x"), "x", "CommandError", 4),
      (
        ArchiveError.mandatoryFeatureUnsupported(["f"]),
        "Unsupported repository feature(s) ['f']. A newer version of Borg is required to access this repository.",
        "MandatoryFeatureUnsupported", 25
      ),
      (RepositoryError.lockTimeout(path: "/l"), "Failed to create/acquire the lock /l (timeout).", "LockTimeout", 73),
      (IntegrityError("x"), "Data integrity error: x", "IntegrityError", 90),
      (SystemError(code: 2, path: [0x61]), "Error: [Errno 2] No such file or directory: 'a'", "Error", 2),
    ] as [(any Error, String, String, Int32)])
  func `errors are told in one line`(error: any Error, message: String, id: String, code: Int32) {
    let diagnosis = Diagnosis(error)
    #expect(diagnosis.message == message)
    #expect(diagnosis.messageID == id)
    #expect(diagnosis.exitCode(.modern) == ExitCode(code))
    #expect(diagnosis.exitCode(.legacy) == .error)
  }
}

/// The command lines of both programs are the same.
struct UsageOracleTests {
  /// All but `find`, which Borg does not have.
  @Test(
    arguments: CommandTable.entries.map(\.name).filter { $0 != "find" } + [
      "key export", "debug dump-repo-objs", "benchmark crud",
    ])
  func `the usage of every command is Borg's`(name: String) throws {
    let oracle = try Oracle()
    guard let declaration = CommandTable.entry(name)?.declaration() else { throw FormatError("no \(name)") }
    let program = Program(calledAs: Array(oracle.program.utf8))
    let mine = HelpFormatter(program, Environment(variables: ["COLUMNS": "100"])).usage(declaration)
    var environment = oracle.environment
    environment.variables["COLUMNS"] = "100"
    let words = name.split(separator: " ").map(String.init)
    let theirs = try ChildProcess.output([oracle.program] + words + ["--help"], environment: environment).output
    #expect(String(decoding: theirs, as: UTF8.self).hasPrefix(mine + "\n\n"))
  }
}
