import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// `export-tar` and `import-tar`, against GNU tar and the real Borg.
struct TarCommandsTests {
  private let runner: CommandRunner
  private let repository: String

  init() throws {
    runner = try CommandRunner()
    repository = "\(runner.directory.path)/repository"
    let source = "\(runner.directory.path)/source"
    let deep = "\(source)/\(String(repeating: "d", count: 90))/\(String(repeating: "e", count: 90))"
    try shell("mkdir -p \(deep) && cd \(source) && echo long > \(deep)/f && echo small > file && : > empty")
    try shell("cd \(source) && ln file hard && ln -s \(deep)/f link && mkfifo fifo && ln \(deep)/f longhard")
    try shell("cd \(source) && head -c 3000000 /dev/urandom > big && truncate -s 9M sparse && echo x >> sparse")
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
    #expect(try runner.run("create", "\(repository)::live", source).code == 0)
  }

  private func shell(_ command: String) throws {
    let result = try ChildProcess.output(["sh", "-c", command], environment: runner.environment)
    guard result.status == 0 else { throw FormatError("\(command) exits with \(result.status)") }
  }

  private func path(_ name: String) -> String { "\(runner.directory.path)/\(name)" }

  private static let format = "{mode} {uid} {user} {size} {linktarget} {path} {sha256}{NL}"

  private func listing(_ archive: String) throws -> String {
    try runner.run("list", "--format", Self.format, "\(repository)::\(archive)").output
  }

  @Test func `the exported stream equals the real Borg's, and GNU tar reads it`() throws {
    var oracle = try Oracle()
    oracle.environment.variables["BORG_BASE_DIR"] = runner.directory.path
    for (number, options) in [[], ["--strip-components", "2"]].enumerated() {
      let (ours, real) = (path("ours\(number).tar"), path("real\(number).tar"))
      if options.isEmpty {
        #expect(try runner.run("export-tar", "\(repository)::live", ours).code == 0)
        try oracle.run("export-tar", "\(repository)::live", real)
      } else {
        #expect(try runner.run("export-tar", options[0], options[1], "\(repository)::live", ours).code == 0)
        try oracle.run("export-tar", options[0], options[1], "\(repository)::live", real)
      }
      #expect(try Files.read(Array(ours.utf8)) == Files.read(Array(real.utf8)))
      try shell("tar -tvf \(ours)")
    }
  }

  @Test func `what is exported is imported again`() throws {
    let file = path("all.tar.gz")
    #expect(try runner.run("export-tar", "\(repository)::live", file).code == 0)
    try shell("gzip -t \(file)")
    #expect(try runner.run("import-tar", "\(repository)::again", file).code == 0)
    #expect(try listing("again") == listing("live"))
  }

  @Test(arguments: [
    "--format=ustar", "--format=gnu -S", "--format=v7", "--format=pax -S", "--format=pax -S --sparse-version=0.0",
  ])
  func `tar formats are imported as the real Borg imports them`(_ format: String) throws {
    var oracle = try Oracle()
    oracle.environment.variables["BORG_BASE_DIR"] = runner.directory.path
    let file = path("gnu.tar")
    try shell("cd \(path("source")) && tar \(format) -cf \(file) file hard empty big sparse")
    #expect(try runner.run("import-tar", "\(repository)::ours", file).code == 0)
    try oracle.run("import-tar", "\(repository)::real", file)
    #expect(try listing("ours") == listing("real"))
    try oracle.run("check", "--verify-data", repository)
  }

  @Test func `damaged and endless tar files store nothing`() throws {
    let file = path("all.tar")
    #expect(try runner.run("export-tar", "\(repository)::live", file).code == 0)
    let whole = try Files.read(Array(file.utf8))
    var longName = [UInt8](repeating: 0, count: 512)
    longName.replaceSubrange(0..<whole[0..<512].count, with: whole[0..<512])
    longName.replaceSubrange(124..<136, with: [0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
    longName[156] = UInt8(ascii: "L")
    longName.replaceSubrange(148..<156, with: [UInt8](repeating: 0x20, count: 8))
    let sum = String(longName.reduce(0) { $0 + Int($1) }, radix: 8)
    longName.replaceSubrange(
      148..<156, with: Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8) + [0, 0x20])
    for bytes in [[], Array(whole[..<100]), Array(whole[..<(whole.count / 2)]), Array(whole[1...]), longName] {
      try Files.replace(Array(file.utf8), with: bytes)
      #expect(try runner.run("import-tar", "\(repository)::bad", file).code == 2)
    }
    #expect(try runner.run("list", "--short", repository).output == "live\n")
  }

  /// Names with a NUL and times beyond what items hold would make items that nobody can read back.
  @Test func `owners and times that items cannot hold are made to fit`() throws {
    let file = path("odd.tar")
    try shell(
      """
      python3 - \(file) <<'END'
      import sys, tarfile
      with tarfile.open(sys.argv[1], "w", format=tarfile.PAX_FORMAT) as tar:
          member = tarfile.TarInfo("odd")
          member.uname, member.gname, member.mtime = "us\\0er", "\\0", 2 ** 40
          member.pax_headers = {"uname": "us\\0er", "gname": "\\0"}
          tar.addfile(member)
      END
      """)
    #expect(try runner.run("import-tar", "\(repository)::odd", file).code == 0)
    let format = ["--format", "{user}|{group}|{mtime}|{path}{NL}"]
    let listed = try runner.run("list", format[0], format[1], "\(repository)::odd")
    #expect(listed.code == 0 && listed.error.isEmpty)
    #expect(listed.output.hasPrefix("us|"))
    #expect(listed.output.contains("2038-01-1"))
  }

  @Test func `a missing or failing filter is an error`() throws {
    let archive = "\(repository)::live"
    let missing = try runner.run("export-tar", "--tar-filter", "no-such-program", archive, path("x.tar"))
    #expect(missing.code == 2)
    #expect(missing.error.contains("filter-process: executable not found: no-such-program"))
    #expect(missing.error.contains("Error: filter no-such-program: process creation failed"))
    let failing = try runner.run("export-tar", "--tar-filter", "sh -c 'cat; exit 3'", archive, path("x.tar"))
    #expect(failing.code == 2 && failing.error.contains("failed, rc=3"))
  }
}
