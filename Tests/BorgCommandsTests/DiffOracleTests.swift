import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgCommands

/// Both programs find the same differences, in the same words.
@Suite struct DiffOracleTests {
  private static let commandLines: [[String]] = [
    ["two"], ["--json-lines", "two"], ["--content-only", "two"], ["--content-only", "--json-lines", "two"],
    ["--sort", "two"], ["--sort-by", "path", "two"], ["--sort-by", ">size_added,path", "two"],
    ["--sort-by", "<size_removed,>path", "two"], ["--sort-by", "size,size_diff", "two"],
    ["--sort-by", ">user,group,uid,gid", "two"], ["--sort-by", ">ctime,mtime", "two"],
    ["--sort-by", "mtime_diff,>ctime_diff", "two"], ["two", "sh:**/f*e"], ["two", "re:/link"],
    ["--exclude", "sh:**/dir/f*", "two"], ["--pattern=-sh:**/dir", "two"], ["cut"], ["--same-chunker-params", "cut"],
    ["--json-lines", "cut"], ["--same-chunker-params", "--json-lines", "cut"], ["--content-only", "cut"], ["one"],
    ["nothing"], ["--iec", "two"],
  ]

  @Test func `differences are Borg's in every form`() throws {
    let oracle = try Oracle()
    let repository = try make(oracle)
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    for first in ["one", "reversed"] {
      for words in Self.commandLines {
        let line = ["diff", "\(repository)::\(first)"] + words
        let mine = try runner.run(line)
        #expect(try mine.error + mine.output == oracle.run(line), "\(line)")
        #expect(mine.code == 0, "\(line)")
      }
    }
  }

  @Test func `a later name is passed over when its first is left out`() throws {
    let oracle = try Oracle()
    let repository = try make(oracle)
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    let results = try ["same", "z-second"].map {
      try runner.run("diff", "--exclude", "sh:**/\($0)", "\(repository)::one", "two")
    }
    // Which of the two was stored first depends on the file system.
    #expect(results.map(\.code).sorted() == [0, 1])
    #expect(results.count { $0.error.contains("cannot find hardlink source for ") } == 1)
  }

  @Test func `owners are compared by number when that is wanted`() throws {
    let oracle = try Oracle()
    let source = "\(oracle.home.path)/source"
    let repository = "\(oracle.home.path)/repository"
    mkdir(source, 0o755)
    try write("content", to: "\(source)/file")
    try oracle.run("init", "-e", "none", repository)
    try oracle.run("create", "--noctime", "\(repository)::one", source)
    chown("\(source)/file", 12345, 54321)
    try oracle.run("create", "--noctime", "\(repository)::two", source)
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    let path = String(source.dropFirst()) + "/file"
    let numeric = try runner.run("diff", "--numeric-ids", "\(repository)::one", "two")
    #expect(numeric.output == "[\(getuid()):\(getgid()) -> 12345:54321] \(path)\n")
  }

  @Test func `an unknown sort field is a usage error`() throws {
    let runner = try CommandRunner()
    let result = try runner.run("diff", "--sort-by=mode", "/nowhere::a", "b")
    #expect(result.code == 2)
    #expect(result.error.contains("unsupported sort field: mode"))
  }

  /// Three states of a tree with every kind of change; `cut` has other chunker parameters.
  private func make(_ oracle: Oracle) throws -> String {
    let source = "\(oracle.home.path)/source"
    let repository = "\(oracle.home.path)/repository"
    for name in ["", "/dir", "/gone"] { mkdir(source + name, 0o755) }
    for name in ["same", "file", "dir/full", "gone/fine", "füü", "turns", "touched", "owned"] {
      try write("content of \(name)", to: "\(source)/\(name)")
    }
    try write(String(repeating: "large ", count: 400_000), to: "\(source)/flarge")
    symlink("here", "\(source)/link")
    symlink("here", "\(source)/linkgone")
    mkfifo("\(source)/fifo", 0o644)
    for name in ["hard1", "hard2"] { link("\(source)/file", "\(source)/\(name)") }
    link("\(source)/same", "\(source)/z-second")
    try oracle.run("init", "-e", "repokey-blake2", repository)
    try oracle.run("create", "\(repository)::one", source)
    try oracle.run("create", "--exclude", "re:.*", "\(repository)::nothing", source)
    usleep(10_000)
    try write("other content", to: "\(source)/file")
    try write(String(repeating: "large ", count: 300_000) + "end", to: "\(source)/flarge")
    try write("new", to: "\(source)/dir/fnew")
    try write("", to: "\(source)/fempty")
    for name in ["linkgone", "gone/fine", "hard2", "turns", "fifo", "link"] { unlink("\(source)/\(name)") }
    rmdir("\(source)/gone")
    symlink("there", "\(source)/link")
    symlink("new", "\(source)/newlink")
    symlink("turned", "\(source)/turns")
    mkdir("\(source)/newdir", 0o700)
    chmod("\(source)/touched", 0o4711)
    chown("\(source)/owned", 1, 1)
    link("\(source)/touched", "\(source)/a-touched")
    try oracle.run("create", "\(repository)::two", source)
    try oracle.run("create", "--chunker-params", "10,16,12,63", "\(repository)::cut", source)
    try oracle.run("create", "\(repository)::reversed", "\(source)/touched", "\(source)/dir", "\(source)/same", source)
    return repository
  }

  private func write(_ text: String, to path: String) throws {
    let file = try File.open(Array(path.utf8), O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(Array(text.utf8))
  }
}
