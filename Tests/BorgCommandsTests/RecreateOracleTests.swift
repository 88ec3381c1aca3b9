import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgCommands

/// Both programs make the same of an archive, and Borg finds nothing wrong with ours.
@Suite struct RecreateOracleTests {
  private static let commandLines: [[String]] = [
    ["--exclude", "sh:**/f*"], ["--exclude", "sh:**/hard1", "--exclude", "sh:**/same"], ["--exclude-caches"],
    ["--exclude-caches", "--keep-exclude-tags"], ["--exclude-if-present", ".nobackup"],
    ["--exclude-if-present", ".nobackup", "--keep-exclude-tags"], ["--comment", "nëw"],
    ["--timestamp", "2001-02-03T04:05:06"], ["--compression", "zlib,5", "--recompress=if-different"],
    ["--compression", "none", "--recompress=always"], ["--compression", "auto,zstd,3", "--recompress=always"],
    ["--chunker-params", "10,16,12,63"], ["--chunker-params", "fixed,4096,512", "--recompress=never"],
    ["--chunker-params", "buzhash,11,17,13,1023", "--compression", "lzma,0", "--recompress=always"],
  ]

  @Test(arguments: [false, true]) func `recreated archives hold what Borg's hold`(isWhole: Bool) throws {
    let oracle = try Oracle()
    let source = try makeSource(oracle)
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    let format = "{mode} {path} {source} {size} {sha256} {mtime}{NL}"
    for (index, options) in Self.commandLines.enumerated() where wholeRepository(options, index) == isWhole {
      let names = ["mine", "theirs"].map { "\(oracle.home.path)/\($0)\(index)" }
      for name in names {
        try oracle.run("init", "-e", "repokey-blake2", name)
        try oracle.run("create", "--comment", "old", "-C", "lz4", "\(name)::a", source)
        try oracle.run("create", "\(name)::b", "\(source)/dir")
      }
      let archive = isWhole ? "" : "::a"
      let line = ["recreate", "--list"] + options
      let theirs = try oracle.run(line + [names[1] + archive])
      let mine = try runner.run(line + [names[0] + archive])
      #expect(mine.code == 0, "\(options): \(mine.error)")
      #expect(sorted(mine.error + mine.output) == sorted(theirs), "\(options)")
      try oracle.run("check", "--verify-data", names[0])
      for archive in ["a", "b"] {
        let listings = try names.map { try oracle.run("list", "--format", format, "\($0)::\(archive)") }
        #expect(listings[0] == listings[1], "\(options)")
      }
      let archives = try names.map { try oracle.run("list", "--format", "{archive} {comment}{NL}", $0) }
      #expect(archives[0] == archives[1], "\(options)")
      let comparison = try oracle.run("diff", "--same-chunker-params", "\(names[0])::a", "a")
      #expect(comparison == "")
    }
  }

  /// With tags one archive only: Borg leaves out a directory that one archive tags in all later ones, too.
  private func wholeRepository(_ options: [String], _ index: Int) -> Bool {
    index % 2 == 1 && !options[0].hasPrefix("--exclude-")
  }

  @Test func `a tag counts in its own archive only`() throws {
    let (oracle, runner, repository, source) = try makeRepository("none")
    unlink("\(source)/tagged/.nobackup")
    try oracle.run("create", "\(repository)::b", source)
    #expect(try runner.run("recreate", "--exclude-if-present", ".nobackup", repository).code == 0)
    #expect(try !oracle.run("list", "--short", "\(repository)::a").contains("tagged/data"))
    #expect(try oracle.run("list", "--short", "\(repository)::b").contains("tagged/data"))
  }

  /// In one repository, since each has a seed of its own for the cuts.
  @Test func `cuts and compression are Borg's`() throws {
    let (oracle, runner, repository, _) = try makeRepository("repokey")
    let format = "{path} {size} {num_chunks} {csize} {sha256}{NL}"
    for (index, options) in Self.commandLines.suffix(6).enumerated() {
      let line = ["recreate"] + options
      let mine = try runner.run(line + ["--target", "mine\(index)", "\(repository)::a"])
      #expect(mine.code == 0, "\(options): \(mine.error)")
      let listing = try oracle.run("list", "--format", format, "\(repository)::mine\(index)")
      try oracle.run(line + ["--target", "theirs\(index)", "\(repository)::a"])
      #expect(try oracle.run("list", "--format", format, "\(repository)::theirs\(index)") == listing, "\(options)")
    }
    try oracle.run("check", "--verify-data", repository)
  }

  @Test func `a dry run and a refusal change nothing`() throws {
    let (oracle, runner, repository, _) = try makeRepository("none")
    let before = try oracle.run("list", repository)
    let dry = ["recreate", "-n", "--list", "--exclude", "sh:**/f*", "\(repository)::a"]
    let mine = try runner.run(dry)
    #expect(try mine.error + mine.output == oracle.run(dry))
    #expect(try runner.run("recreate", "\(repository)::a").code == 2)
    #expect(try runner.run("recreate", "--target", "t", repository).code == 2)
    #expect(try runner.run("recreate", "--comment", "c", "\(repository)::a.recreate").code == 2)
    #expect(try oracle.run("list", repository) == before)
  }

  @Test func `a target leaves the original as it is`() throws {
    let (oracle, runner, repository, source) = try makeRepository("repokey")
    let before = try oracle.run("list", repository)
    let path = String(source.dropFirst()) + "/dir"
    let result = try runner.run("recreate", "-s", "--target", "t", "\(repository)::a", path)
    #expect(result.code == 0)
    #expect(result.error.contains("Archive name: t\n"))
    #expect(try oracle.run("list", repository).hasPrefix(before))
    #expect(try !oracle.run("list", "--short", "\(repository)::t").contains("same"))
    try oracle.run("check", "--verify-data", repository)
    try oracle.run("delete", "\(repository)::a")
    try oracle.run("extract", "--dry-run", "\(repository)::t")
  }

  /// Archive `a` of the source, by Borg.
  private func makeRepository(
    _ mode: String
  ) throws -> (oracle: Oracle, runner: CommandRunner, repository: String, source: String) {
    let oracle = try Oracle()
    let source = try makeSource(oracle)
    let repository = "\(oracle.home.path)/repository"
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    try oracle.run("init", "-e", mode, repository)
    try oracle.run("create", "\(repository)::a", source)
    return (oracle, runner, repository, source)
  }

  private func sorted(_ text: String) -> [String] { text.split(separator: "\n").map(String.init).sorted() }

  private func makeSource(_ oracle: Oracle) throws -> String {
    let source = "\(oracle.home.path)/source"
    for name in ["", "/dir", "/cache", "/tagged"] { mkdir(source + name, 0o755) }
    for name in ["same", "file", "dir/full", "cache/data", "tagged/data", "tagged/.nobackup"] {
      try write("content of \(name)", to: "\(source)/\(name)")
    }
    try write("Signature: 8a477f597d28d172789f06886806bc55\n", to: "\(source)/cache/CACHEDIR.TAG")
    try write((0..<60_000).map { "line \($0) " }.joined(), to: "\(source)/flarge")
    symlink("here", "\(source)/link")
    mkfifo("\(source)/pipe", 0o644)
    for name in ["hard1", "hard2", "hard3"] { link("\(source)/same", "\(source)/\(name)") }
    return source
  }

  private func write(_ text: String, to path: String) throws {
    let file = try File.open(Array(path.utf8), O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(Array(text.utf8))
  }
}
