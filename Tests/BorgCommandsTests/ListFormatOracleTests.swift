import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgCommands

/// Both programs list the same archives.
@Suite struct ListFormatOracleTests {
  private static let itemFormats = [
    "{type}|{mode:12}|{uid:<8}|{gid:08}|{user:>10}|{group:^9}|{path:30}|{source:10}|{linktarget:.3}|{extra}|{flags:4}{NL}",
    "{size:12} {csize:<12} {num_chunks:3}{TAB}{SPACE}{CR}{LF}{NEWLINE}{NUL}{{{path}}}",
    "{dsize} {dcsize} {unique_chunks} {health} {archivename:>10} {archiveid:.8}{NL}",
    "{mtime:%Y %j %H:%M:%S.%f %z|%Z|%%f %e} {mtime:40} {isomtime:30} {isoctime:>30} {atime}{NL}",
    "{md5} {sha1} {sha224} {sha256} {sha384} {sha512} {sha3_256} {blake2b} {blake2s} {xxh64}{NL}",
    "{size:,} {size:_x} {size:#x} {size:+} {size:*^9} {size!s:9}|{uid:b} {uid:o} {gid:=+6}{NL}",
  ]
  private static let archiveFormats = [
    "{archive:10}|{name:>10}|{barchive}|{id:.10}|{start}|{time:%s %f}|{end:%Y}|{comment:12}|{bcomment}{NL}",
    "{command_line}|{hostname}|{username}|{tam}|{NL:*<3}",
  ]

  @Test func `listings in every format are Borg's`() throws {
    let oracle = try Oracle()
    let repository = try make(oracle)
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    for target in ["\(repository)::first", repository] {
      let formats = target == repository ? Self.archiveFormats : Self.itemFormats
      #expect(try runner.run("list", target).output == oracle.run("list", target))
      #expect(try runner.run("list", "--short", target).output == oracle.run("list", "--short", target))
      for format in formats {
        let mine = try runner.run("list", "--format", format, target)
        #expect(try mine.output == oracle.run("list", "--format", format, target), "\(format)")
      }
    }
    for format in Self.archiveFormats {
      let mine = try runner.run("list", "--json", "--format", format, repository)
      #expect(try mine.output == oracle.run("list", "--json", "--format", format, repository))
    }
  }

  @Test func `JSON lines hold the same values in every format`() throws {
    let oracle = try Oracle()
    let target = "\(try make(oracle))::first"
    var runner = try CommandRunner()
    runner.environment = oracle.environment
    for format in Self.itemFormats + ["", "{mtime}{ctime}{atime}{archivename}{nonsense}"] {
      let mine = try values(runner.run("list", "--json-lines", "--format", format, target).output)
      let theirs = try values(oracle.run("list", "--json-lines", "--format", format, target))
      #expect(mine == theirs && !mine.isEmpty, "\(format)")
    }
  }

  private func values(_ lines: String) throws -> [String] {
    try lines.split(separator: "\n").map { try JSONValue(parsing: String($0)).text(sortedKeys: true) }
  }

  /// A repository with an archive of odd files, made by the oracle.
  private func make(_ oracle: Oracle) throws -> String {
    let source = "\(oracle.home.path)/source"
    mkdir(source, 0o755)
    for (name, content) in [("a", "hello"), ("empty", ""), ("quo\"te\\\n", "x"), ("üñî€𝄞", "ü")] {
      let file = try File.open(Array("\(source)/\(name)".utf8), O_WRONLY | O_CREAT)
      try file.write(Array(content.utf8))
    }
    _ = try File.open(Array("\(source)/bad".utf8) + [0xff, 0xe2, 0x82], O_WRONLY | O_CREAT)
    chmod("\(source)/a", 0o4751)
    link("\(source)/a", "\(source)/b")
    symlink("tärget", "\(source)/link")
    mkfifo("\(source)/pipe", 0o600)
    let repository = "\(oracle.home.path)/repository"
    try oracle.run("init", "-e", "repokey", repository)
    try oracle.run("create", "--comment", "com'ment é", "\(repository)::first", source)
    try oracle.run("create", "\(repository)::näme", "\(source)/a")
    return repository
  }
}
