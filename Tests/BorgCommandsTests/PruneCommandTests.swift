import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// `prune` and `compact`, alone and beside Borg.
@Suite struct PruneCommandTests {
  private static let series = [
    ("a1", "2026-01-01T10:00:00"), ("a2", "2026-01-02T10:00:00"), ("b1", "2026-01-02T11:00:00"),
    ("a3", "2026-01-02T12:00:00"), ("a4.checkpoint", "2026-01-03T10:00:00"),
    ("a4.checkpoint.1", "2026-01-03T11:00:00"),
  ]

  private func make(_ runner: CommandRunner, _ archives: [(name: String, time: String)]) throws -> String {
    let repository = "\(runner.directory.path)/pruned"
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
    let source = runner.directory.path("source")
    try Files.makeDirectory(source)
    for (index, (name, time)) in archives.enumerated() {
      try Files.replace(Files.join(source, Array("file".utf8)), with: Array("content \(index)".utf8))
      let result = try runner.run(
        "create", "--files-cache", "disabled", "--timestamp", time, "\(repository)::\(name)",
        String(decoding: source, as: UTF8.self))
      #expect(result.code == 0, "\(result.error)")
    }
    return repository
  }

  private func names(_ runner: CommandRunner, _ repository: String) throws -> [String] {
    try runner.run("list", "--short", "--consider-checkpoints", repository).output.split(separator: "\n").map(
      String.init)
  }

  /// What stands before the archive's name, with the blanks that pad it.
  private func reasons(_ text: String) -> [String] {
    text.split(separator: "\n").map { String($0.prefix(45 + 16)) }
  }

  @Test func `what no rule keeps is deleted, and listed with its reason`() throws {
    let runner = try CommandRunner()
    let repository = try make(runner, Self.series)
    let dry = try runner.run("prune", "--dry-run", "--list", "-v", "--keep-daily", "1", repository)
    #expect(
      dry.error.hasPrefix(
        """
        Repository contains 4 normal archives and 2 checkpoint archives.
        Applying rules to the matching 4 archives and 2 checkpoints...
        Keeping 1 archives and 1 checkpoints, pruning 3 archives and 1 checkpoints.
        Keeping checkpoint archive:                  a4.checkpoint.1\("  ")
        """.split(separator: "\n").joined(separator: "\n")))
    #expect(try names(runner, repository).count == 6)
    let pruned = try runner.run("prune", "--list", "--stats", "--keep-daily", "2", "-a", "a*", repository)
    #expect(
      reasons(pruned.error).prefix(5) == [
        "Keeping checkpoint archive:                  a4.checkpoint.1 ",
        "Pruning archive (1/2):                       a4.checkpoint   ",
        "Keeping archive (rule: daily #1):            a3              ",
        "Pruning archive (2/2):                       a2              ",
        "Keeping archive (rule: daily #2):            a1              ",
      ])
    #expect(pruned.error.contains("Deleted data:") && pruned.error.contains("All archives:"))
    #expect(try names(runner, repository) == ["a1", "b1", "a3", "a4.checkpoint.1"])
    #expect(try runner.run("extract", "--dry-run", "\(repository)::a3").code == 0)
  }

  @Test(
    arguments: [
      (["--keep-within", "x"], "argument --keep-within: Unexpected interval time unit \"x\": expected one of "),
      (["--keep-within", "0d"], "Unexpected interval number \"0\": expected an integer greater than 0"),
      (["--keep-13weekly", "1", "--keep-3monthly", "1"], "not allowed with argument"),
      (["--keep-daily", "0"], "At least one of the \"keep-within\", \"keep-last\", "), ([], "At least one of the "),
    ])
  func `prune without a proper rule is refused`(options: [String], reason: String) throws {
    let runner = try CommandRunner()
    let repository = try make(runner, [])
    let result = try runner.run(["prune"] + options + [repository])
    #expect(result.code == 2 && result.error.contains(reason), "\(result.error)")
  }

  @Test func `compact frees what prune has deleted, and Borg finds all in order`() throws {
    let oracle = try Oracle()
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    let repository = try make(runner, Self.series)
    #expect(try runner.run("prune", "--keep-daily", "1", repository).code == 0)
    #expect(try runner.run("compact", "--dry-run", "-v", repository).error == "")
    let compaction = try runner.run("compact", "--threshold", "0", "--cleanup-commits", "-v", repository)
    #expect(compaction.code == 0 && compaction.error.hasPrefix("compaction freed about "), "\(compaction.error)")
    try oracle.run("check", "--verify-data", repository)
    #expect(try oracle.run("list", "--short", repository) == "a3\n")
    try oracle.run("create", "\(repository)::after", Fixtures.directory + "/golden")
    #expect(try runner.run("compact", "--threshold", "0", repository).code == 0)
    try oracle.run("check", "--verify-data", repository)
  }
}
