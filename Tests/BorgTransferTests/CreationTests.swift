import BorgArchive
import BorgFormat
import BorgObjects
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgTransfer

/// What create tells, counts and leaves behind. Needs no oracle, but for where Borg reads what is left.
@Suite struct CreationTests {
  private func statuses(_ lab: Lab) -> [String] {
    lab.monitor.statuses.map { status in
      let name = displayText(status.1).split(separator: "/").last.map(String.init) ?? ""
      return "\(status.0) \(name)"
    }
  }

  @Test func `children are reported before their directory and stored after it`() throws {
    let lab = try Lab()
    try lab.shell("mkdir -p \"$1/input/dir\"; printf 1 >\"$1/input/dir/file\"; ln -s x \"$1/input/dir/link\"")
    try lab.create("one", [lab.path("input")])
    #expect(Set(statuses(lab)) == ["A file", "s link", "d dir", "d input"])
    #expect(statuses(lab).suffix(2) == ["d dir", "d input"])
    let paths = try lab.items("one").map { displayText($0.path).split(separator: "/").last ?? "" }
    #expect(paths.prefix(2) == ["input", "dir"])
  }

  @Test func `the same content is stored once, wherever it is met`() throws {
    let lab = try Lab()
    try lab.shell(
      """
      mkdir "$1/input"; cd "$1/input"
      head -c 500000 /dev/urandom >a
      for i in $(seq 200); do cp a "copy$i"; printf same >"small$i"; done
      """)
    let outcome = try lab.create("one", [lab.path("input")])
    #expect(outcome.statistics.fileCount == 401)
    #expect(outcome.statistics.originalSize == 201 * 500_000 + 200 * 4)
    #expect((500_000..<510_000).contains(outcome.statistics.deduplicatedSize))
    let chunks = Set(try lab.items("one").flatMap { $0.chunks ?? [] }.map(\.id))
    #expect(chunks.count == 2)
  }

  @Test func `a file that cannot be read is a warning, and what was stored of it is given back`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/input\"; printf 1 >\"$1/input/file\"")
    try lab.create("one", ["/proc/self/mem", lab.path("input"), lab.path("nothing")])
    let warnings = lab.monitor.records.filter { $0.level == .warning }
    #expect(warnings.map(\.messageID) == ["BackupIOError", "BackupFileNotFoundError"])
    #expect(warnings.map(\.warningCode) == [106, 107])
    #expect(warnings.first?.message == "/proc/self/mem: read: [Errno 5] Input/output error")
    let missing = lab.path("nothing")
    #expect(warnings.last?.message == "\(missing): stat: [Errno 2] No such file or directory: '\(missing)'")
    #expect(statuses(lab).contains("E mem"))
    #expect(!statuses(lab).contains("E nothing"))
    #expect(try lab.items("one").allSatisfy { !$0.path.elementsEqual("proc/self/mem".utf8) })
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
  }

  @Test func `an archive's name is taken once`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/input\"")
    try lab.create("one", [lab.path("input")])
    #expect(throws: ArchiveError.alreadyExists(name: Array("one".utf8))) {
      try lab.create("one", [lab.path("input")])
    }
  }

  @Test func `the repository and the cache are not backed up`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/input\"; printf 1 >\"$1/input/file\"")
    try lab.create("one", [lab.folder.path])
    let paths = try lab.items("one").map { displayText($0.path) }
    #expect(paths.contains { $0.hasSuffix("/input/file") })
    #expect(!paths.contains { $0.contains("/repo") || $0.contains("/.cache/borg") })
  }

  @Test func `tagged directories are left out, or kept with their tags alone`() throws {
    let lab = try Lab()
    try lab.shell(
      """
      mkdir -p "$1/input/cache" "$1/input/private" "$1/input/normal"; cd "$1/input"
      printf 'Signature: 8a477f597d28d172789f06886806bc55' >cache/CACHEDIR.TAG
      touch cache/junk private/.nobackup private/secret normal/file
      """)
    let change: (inout CreateOptions) -> Void = { options in
      options.excludesCaches = true
      options.excludeIfPresent = [Array(".nobackup".utf8)]
    }
    try lab.create("without", ["\(lab.path("input"))/./"], change)
    try lab.create("tags", ["\(lab.path("input"))/./"]) { options in
      change(&options)
      options.keepsExcludeTags = true
    }
    #expect(Set(try lab.items("without").map { displayText($0.path) }) == [".", "normal", "normal/file"])
    #expect(
      Set(try lab.items("tags").map { displayText($0.path) }) == [
        ".", "normal", "normal/file", "cache", "cache/CACHEDIR.TAG", "private", "private/.nobackup",
      ])
    #expect(statuses(lab).filter { $0 == "x cache" }.count == 2)
  }

  @Test func `a requested stop leaves a checkpoint that holds what was read`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/input\"; head -c 3000000 /dev/urandom >\"$1/input/big\"; printf 1 >\"$1/input/small\"")
    let interruption = Interruption()
    interruption.requestStop()
    #expect(throws: ArchiveError.plain("Got Ctrl-C / SIGINT.")) {
      try lab.create("one", [lab.path("input")], interruption: interruption)
    }
    let names = try lab.withSession { session in session.manifest.archives.map { displayText($0.name) } }
    #expect(names == ["one.checkpoint"])
    let parts = try lab.items("one.checkpoint").filter { $0.part != nil }
    #expect(!parts.isEmpty)
    #expect(displayText(parts[0].path).hasSuffix(".borg_part_1"))
    #expect(parts[0].size == parts[0].chunks?.reduce(0) { $0 + Int64($1.size) })
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
    try lab.create("one", [lab.path("input")])
    try lab.oracle(["delete", "\(lab.path("repo"))::one.checkpoint"])
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
  }

  @Test func `an aborted run leaves nothing`() throws {
    let lab = try Lab()
    try lab.makeTree()
    let interruption = Interruption()
    interruption.requestAbort()
    #expect(throws: Interruption.Aborted()) {
      try lab.create("one", [lab.path("input")], interruption: interruption)
    }
    #expect(try lab.withSession { $0.manifest.archives.isEmpty })
    try lab.create("one", [lab.path("input")])
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
  }

  @Test func `a command's output becomes a file, and its failure means no archive`() throws {
    let lab = try Lab()
    try lab.create("one", []) { options in
      options.input = .contentFromCommand(["sh", "-c", "printf hello"])
      options.stdinName = Array("greeting".utf8)
    }
    let item = try #require(try lab.items("one").first)
    #expect(displayText(item.path) == "greeting")
    #expect(item.mode == 0o100660)
    #expect(item.size == 5)
    #expect(item.hardlinkMaster == false)
    #expect(throws: ArchiveError.command("Command 'sh' exited with status 3")) {
      try lab.create("two", []) { $0.input = .contentFromCommand(["sh", "-c", "printf hello; exit 3"]) }
    }
    #expect(throws: ArchiveError.self) {
      try lab.create("two", []) { $0.input = .contentFromCommand(["/no/such/program"]) }
    }
    #expect(try lab.withSession { $0.manifest.archives.count } == 1)
  }

  @Test func `listed paths are taken as they are, without what is in them`() throws {
    let lab = try Lab()
    try lab.shell("mkdir -p \"$1/input/dir/sub\"; printf 1 >\"$1/input/dir/file\"")
    let (dir, file) = (lab.path("input/dir"), lab.path("input/dir/file"))
    try lab.create("one", []) { options in
      options.input = .pathsFromCommand(["printf", "\(dir)\\n\(file)\\n/nowhere\\n"])
    }
    let paths = try lab.items("one").map { "/" + displayText($0.path) }
    #expect(paths == [dir, file])
    #expect(statuses(lab) == ["d dir", "A file", "E nowhere"])
  }

  @Test func `a dry run tells what it would take and needs no repository`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/input\"; printf 1 >\"$1/input/file\"; mkfifo \"$1/input/pipe\"")
    var options = CreateOptions(matcher: PatternMatcher(fallback: true))
    options.input = .roots([Array(lab.path("input").utf8)])
    try Creation.dryRun(options, repository: nil, context: lab.context)
    #expect(Set(statuses(lab)) == ["- file", "- pipe", "- input"])
    #expect(statuses(lab).last == "- input")
  }
}
