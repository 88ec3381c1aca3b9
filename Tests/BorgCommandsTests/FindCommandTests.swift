import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgCommands

@Suite struct FindCommandTests {
  private let runner: CommandRunner
  private let repository: String

  init() throws {
    runner = try CommandRunner()
    repository = String(decoding: runner.directory.path("repo"), as: UTF8.self)
    let files = runner.directory.path + "/files"
    #expect(try runner.run("init", "-e", "none", repository).code == 0)
    #expect(mkdir(files, 0o755) == 0 && mkdir(files + "/sub", 0o755) == 0)
    for number in 1...3 {
      try Files.replace(Array("\(files)/changing.txt".utf8), with: Array("\(number)".utf8))
      try Files.replace(Array("\(files)/sub/new\(number)".utf8), with: [UInt8](repeating: 7, count: number * 1000))
      #expect(try runner.run("create", "\(repository)::a\(number)", files).code == 0)
    }
  }

  private func find(_ words: String...) throws -> [String] {
    let result = try runner.run(["find", repository, "--short"] + words)
    #expect(result.code == 0 && result.error.isEmpty)
    return result.output.split(separator: "\n").map { $0.split(separator: "/").last.map { String($0) } ?? "" }
  }

  @Test func `names, sizes, times, types and patterns narrow down`() throws {
    #expect(try find("--name", "new*") == ["new1", "new2", "new3"])
    #expect(try find("--larger", "1K") == ["new2", "new3"])
    #expect(try find("--larger", "1K", "--smaller", "3K") == ["new2"])
    #expect(try find("--type", "d", "--name", "s?b") == ["sub"])
    #expect(try find("re:new[13]$") == ["new1", "new3"])
    #expect(try find("--name", "new*", "-e", "*/new2") == ["new1", "new3"])
    #expect(try find("--newer", "2020-01-01", "--name", "changing.txt") == ["changing.txt"])
    #expect(try find("--older", "2020-01-01").isEmpty)
    #expect(try find("--last", "1", "--name", "new*") == ["new1", "new2", "new3"])
    #expect(try find("--first", "1", "--name", "new*") == ["new1"])
  }

  @Test func `a second search looks through nothing, and of a new archive through what is new`() throws {
    func search(_ words: String...) throws -> (output: String, blocks: Int?) {
      let result = try runner.run(["find", repository, "--debug"] + words)
      let count = result.error.split(separator: " looked through ").last?.split(separator: " ").first
      return (result.output, count.flatMap { Int($0) })
    }
    let first = try search("--name", "new*", "--versions")
    #expect((first.blocks ?? 0) > 0 && first.output.contains("new3"))
    let second = try search("--name", "new*", "--versions")
    #expect(second.blocks == 0 && second.output == first.output)
    #expect(try search("--larger", "1K").blocks == 0)
    let files = runner.directory.path + "/files"
    try Files.replace(Array("\(files)/sub/new4".utf8), with: [4])
    #expect(try runner.run("create", "\(repository)::a4", files).code == 0)
    let third = try search("--name", "new*", "--versions")
    #expect((third.blocks ?? 0) > 0 && third.output.contains("a1 ... a4"))
    #expect(try runner.run("delete", "\(repository)::a1").code == 0)
    #expect(try search("--name", "new*", "--versions").output.contains("a2 ... a4"))
  }

  @Test func `versions and archives are counted`() throws {
    let lines = try runner.run("find", repository, "--name", "changing.txt", "--versions").output.split(separator: "\n")
    #expect(lines.count == 4)
    #expect(lines[0].hasPrefix("3 versions in 3 archives, a1 ... a3: "))
    #expect(lines[3].hasSuffix("  a3"))
    let new = try runner.run("find", repository, "--name", "new2").output
    #expect(new.hasPrefix("1 version in 2 archives, a2 ... a3: "))
  }

  @Test func `JSON lines tell the archives of every version`() throws {
    let line = try runner.run("find", repository, "--name", "new3", "--json-lines").output
    #expect(line.contains("\"first\": {\"archive\": \"a3\""))
    #expect(line.contains("\"size\": 3000"))
    #expect(line.contains("\"archives\": [\"a3\"]}]}"))
  }

  @Test func `one archive may be named, and it must exist`() throws {
    #expect(try runner.run("find", "\(repository)::a1", "--short", "--name", "new*").output.hasSuffix("new1\n"))
    #expect(try runner.run("find", "\(repository)::none").code == 2)
    #expect(try runner.run("find", repository, "--larger", "x").code == 2)
  }
}
