import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgCommands

/// How often a command waits for its server: the longest chain of requests each of which needed the reply to the one
/// before. A link of 50 ms costs each of them 100 ms, whatever its bandwidth.
@Suite struct RoundTripTests {
  private var runner: CommandRunner
  private let repository: String

  init() throws {
    runner = try CommandRunner()
    repository = "ssh://near\(runner.directory.path)/repo"
    runner.environment.variables["BORG_RSH"] = "sh -c 'shift; exec \"$@\"' rsh"
    runner.environment.variables["BORG_REMOTE_PATH"] = try RoundTripTests.server()
  }

  /// Built beside the tests.
  private static func server() throws -> String {
    let tests = try Files.resolved(Array("/proc/self/exe".utf8))
    return String(decoding: Files.parent(of: tests) + Array("/borg".utf8), as: UTF8.self)
  }

  /// The round trips of a command that must succeed.
  private func trips(_ words: String...) throws -> Int {
    let result = try runner.run(["--debug"] + words)
    let line = result.error.split(separator: "\n").last { $0.hasSuffix(" round trips") }
    let number = line?.split(separator: " ").dropLast(2).last.flatMap { Int($0) }
    guard result.code == 0, let number else { throw FormatError("\(words): exit \(result.code)\n\(result.error)") }
    return number
  }

  private func write(_ name: String, size: Int, seed: UInt64) throws {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    let bytes = (0..<size).map { _ -> UInt8 in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return UInt8(truncatingIfNeeded: state >> 24)
    }
    let path = runner.directory.path("files/\(name)")
    try Files.makeDirectories(Files.parent(of: path))
    let file = try File.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(bytes)
    try file.close()
  }

  /// The life of a repository whose archives hold so many small files.
  private func life(files: Int) throws -> [String: Int] {
    var table: [String: Int] = [:]
    let source = "\(runner.directory.path)/files"
    for number in 0..<files { try write("\(number % 7)/\(number)", size: 100, seed: UInt64(number + 1)) }
    table["init"] = try trips("init", "-e", "repokey", repository)
    table["create, first"] = try trips("create", "\(repository)::one", source)
    table["create, unchanged"] = try trips("create", "\(repository)::two", source)
    try write("new", size: 100, seed: 0)
    table["create, small change"] = try trips("create", "\(repository)::three", source)
    table["create --stats"] = try trips("create", "--stats", "\(repository)::four", source)
    table["list"] = try trips("list", "\(repository)::one")
    table["list, archives"] = try trips("list", repository)
    table["info"] = try trips("info", "\(repository)::one")
    table["extract, many small files"] = try trips("extract", "--dry-run", "\(repository)::one")
    table["check"] = try trips("check", repository)
    table["check --verify-data"] = try trips("check", "--verify-data", repository)
    table["diff"] = try trips("diff", "\(repository)::one", "three")
    table["rename"] = try trips("rename", "\(repository)::four", "fourth")
    table["delete"] = try trips("delete", "\(repository)::one")
    table["prune"] = try trips("prune", "--keep-last", "1", repository)
    table["compact"] = try trips("compact", repository)
    return table
  }

  @Test func `a command waits for its server a few times, however many files there are`() throws {
    // At most: threads that read ahead may ask a little later. The last two of each that writes: what was put has
    // arrived, and the commit.
    let most = [
      "init": 5, "create, first": 4, "create, unchanged": 4, "create, small change": 4, "create --stats": 5, "list": 4,
      "list, archives": 1, "info": 5, "diff": 5, "extract, many small files": 6, "check": 11,
      "check --verify-data": 14, "rename": 5, "delete": 8, "prune": 9, "compact": 3,
    ]
    for table in [try life(files: 20), try RoundTripTests().life(files: 1500)] {
      #expect(table.keys.sorted() == most.keys.sorted())
      for (command, trips) in table { #expect(trips <= most[command] ?? 0, "\(command): \(trips)") }
    }
  }

  @Test func `a large file comes in one stream`() throws {
    try write("large", size: 40 << 20, seed: 1)
    _ = try trips("init", "-e", "none", repository)
    #expect(try trips("create", "-C", "none", "\(repository)::one", "\(runner.directory.path)/files") <= 3)
    // 16 MiB are on their way at a time; each piece alone would be twenty.
    #expect(try trips("extract", "--dry-run", "\(repository)::one") <= 9)
  }
}
