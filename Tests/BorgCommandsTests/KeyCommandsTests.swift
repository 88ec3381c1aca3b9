import BorgFormat
import BorgObjects
import BorgSystem
import BorgTesting
import Testing

@testable import BorgCommands

/// Keys out, in and changed; real Borg opens what comes of it.
struct KeyCommandsTests {
  private let runner: CommandRunner
  private let repository: String

  init() throws {
    runner = try CommandRunner()
    repository = "\(runner.directory.path)/repository"
  }

  private func with(_ variables: [String: String]) -> CommandRunner {
    var runner = runner
    runner.environment.variables.merge(variables) { $1 }
    return runner
  }

  @Test(arguments: ["repokey", "keyfile-blake2", "authenticated"])
  func `another passphrase opens the same key`(mode: String) throws {
    #expect(try runner.run("init", "-e", mode, repository).code == 0)
    let secrets = try runner.run("key", "export-related-secrets", repository).output
    let change = try with(["BORG_NEW_PASSPHRASE": "new"]).run("key", "change-passphrase", "-v", repository)
    #expect(change.code == 0)
    #expect(change.error.contains("Key updated\nKey location: "))
    #expect(try with(["BORG_EXIT_CODES": "modern"]).run("list", repository).code == 52)
    let after = with(["BORG_PASSPHRASE": "new"])
    #expect(try after.run("list", repository).code == 0)
    #expect(try after.run("key", "export-related-secrets", repository).output == secrets)
  }

  @Test(arguments: ["repokey", "keyfile", "authenticated-blake2"])
  func `an exported key comes back`(mode: String) throws {
    #expect(try runner.run("init", "-e", mode, repository).code == 0)
    let copy = "\(runner.directory.path)/copy"
    #expect(try runner.run("key", "export", repository, copy).code == 0)
    let text = try Files.read(Array(copy.utf8))
    #expect(text.starts(with: Array("BORG_KEY ".utf8)))
    #expect(try runner.run("key", "export", repository).output == String(decoding: text, as: UTF8.self))
    #expect(try with(["BORG_NEW_PASSPHRASE": "new"]).run("key", "change-passphrase", repository).code == 0)
    #expect(try runner.run("list", repository).code == 2)
    #expect(try runner.run("key", "import", repository, copy).code == 0)
    #expect(try runner.run("list", repository).code == 0)
  }

  @Test func `what is no copy of this key is refused`() throws {
    #expect(try runner.run("init", "-e", "repokey", repository).code == 0)
    let modern = with(["BORG_EXIT_CODES": "modern"])
    let copy = "\(runner.directory.path)/copy"
    let id = String(repeating: "0", count: 64)
    for (text, code) in [("something", 43), ("BORG_KEY \(id)\nQUJD\n", 45)] as [(String, Int32)] {
      try Files.replace(Array(copy.utf8), with: Array(text.utf8))
      #expect(try modern.run("key", "import", repository, copy).code == code)
    }
    let own = try modern.run("key", "export", repository).output
    try Files.replace(Array(copy.utf8), with: Array(own.utf8.prefix(90)))
    #expect(try modern.run("key", "import", repository, copy).code == 40)
    #expect(try modern.run("key", "import", repository, copy + "x").code == 4)
    #expect(try modern.run("key", "import", repository).code == 4)
    #expect(try modern.run("key", "import", "--paper", repository, copy).code == 4)
    #expect(try modern.run("key", "export", repository, runner.directory.path).code == 4)
    #expect(try runner.run("list", repository).code == 0)
  }

  @Test func `a printed key is understood line by line`() throws {
    let id = try #require(ChunkID(hex: "e294423506da4e1ea76e8dcdf1a3919624ae3ae496fddf905610c351d3f09239"))
    #expect(
      PaperKey.text(of: Array("abcdefghijklmnopqrstu".utf8), repositoryID: id) == """
        To restore key use borg key import --paper /path/to/repo

        BORG PAPER KEY v1
        id: 2 / e29442 3506da 4e1ea7 / 25f62a 5a3d41 - 02
         1: 616263 646566 676869 6a6b6c 6d6e6f 707172 - 6d
         2: 737475 - 88

        """)
    let heading = try PaperKey.heading("2 / e29442 3506da 4e1ea7 / 25f62a 5a3d41 - 02")
    #expect(heading.lineCount == 2)
    #expect(heading.repositoryID == PaperKey.shortID(id))
    #expect(heading.checksum == "25f62a5a3d41")
    #expect(try PaperKey.bytes("73 74 75  -  88", number: 2) == Array("stu".utf8))
    #expect(throws: PaperKey.Refusal.dashes) { try PaperKey.heading("2 / e29442 / 25f62a  02") }
    #expect(throws: PaperKey.Refusal.slashes) { try PaperKey.heading("2 / e29442 25f62a - 02") }
    #expect(throws: PaperKey.Refusal.checksum) { try PaperKey.bytes("737475 - 89", number: 2) }
    #expect(throws: PaperKey.Refusal.digits("Odd-length string")) { try PaperKey.bytes("73747 - 88", number: 2) }
    #expect(throws: PaperKey.Refusal.digits("Non-hexadecimal digit found")) {
      try PaperKey.bytes("73747g - 88", number: 2)
    }
  }

  @Test func `a repository without key has none to manage`() throws {
    #expect(try runner.run("init", "-e", "none", repository).code == 0)
    let modern = with(["BORG_EXIT_CODES": "modern"])
    #expect(try modern.run("key", "export", repository).code == 46)
    #expect(try modern.run("key", "export", "--qr-html", repository).code == 46)
    #expect(try modern.run("key", "import", repository, "-").code == 46)
    #expect(try modern.run("key", "change-passphrase", repository).code == 4)
    #expect(try modern.run("key", "export-related-secrets", repository).code == 46)
    #expect(try modern.run("key", "migrate-to-repokey", repository).code == 2)
  }

  @Test func `the real Borg and this one open each other's changed keys`() throws {
    var oracle = try Oracle()
    let repository = oracle.home.path("repository").string
    var here = runner
    here.environment.variables["BORG_BASE_DIR"] = oracle.home.path
    try oracle.run("init", "-e", "repokey-blake2", repository)
    here.environment.variables["BORG_NEW_PASSPHRASE"] = "new"
    #expect(try here.run("key", "change-passphrase", repository).code == 0)
    oracle.environment.variables["BORG_PASSCOMMAND"] = "echo new"
    let copy = oracle.home.path("copy").string
    try oracle.run("key", "export", repository, copy)
    #expect(
      try here.run("key", "export", repository).output == String(decoding: Files.read(Array(copy.utf8)), as: UTF8.self))
    try oracle.run("key", "export", "--paper", repository, copy)
    #expect(
      try here.run("key", "export", "--paper", repository).output
        == String(decoding: Files.read(Array(copy.utf8)), as: UTF8.self))
    oracle.environment.variables["BORG_NEW_PASSPHRASE"] = "newest"
    try oracle.run("key", "change-passphrase", repository)
    here.environment.variables["BORG_PASSPHRASE"] = "newest"
    #expect(try here.run("list", repository).code == 0)
    oracle.environment.variables["BORG_PASSCOMMAND"] = "echo newest"
    try oracle.run("check", "--verify-data", repository)
  }
}

extension [UInt8] {
  fileprivate var string: String { String(decoding: self, as: UTF8.self) }
}
