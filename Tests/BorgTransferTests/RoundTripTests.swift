import BorgArchive
import BorgFormat
import BorgObjects
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgTransfer

/// What we store and restore, compared with the real borg. Needs BORG_ORACLE.
@Suite struct RoundTripTests {
  @Test(arguments: [KeyType.repokey, .plaintext, .blake2Repokey, .authenticated])
  func `what we create, Borg verifies and extracts`(_ type: KeyType) throws {
    let lab = try Lab(type)
    try lab.makeTree()
    try lab.create("one", ["\(lab.folder.path)/./input"])
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
    try lab.shell("mkdir \"$1/out\"")
    try lab.oracle(["extract", "\(lab.path("repo"))::one"], in: lab.path("out"))
    #expect(try lab.listing("out/input") == lab.listing("input"))
  }

  @Test func `what we create, we extract`() throws {
    let lab = try Lab()
    try lab.makeTree()
    try lab.create("one", ["\(lab.folder.path)/./input"])
    try lab.extract("one", to: lab.path("out"))
    #expect(try lab.listing("out/input") == lab.listing("input"))
    #expect(lab.monitor.records.filter { $0.level >= .warning }.map(\.message) == [])
  }

  @Test func `what Borg creates, we extract`() throws {
    let lab = try Lab()
    try lab.makeTree()
    try lab.oracle(["create", "\(lab.path("repo"))::one", "input"], in: lab.folder.path)
    try lab.extract("one", to: lab.path("out"))
    #expect(try lab.listing("out/input") == lab.listing("input"))
  }

  @Test func `our items are Borg's items`() throws {
    let lab = try Lab()
    try lab.makeTree()
    let root = lab.path("input")
    try lab.create("ours", [root])
    try lab.oracle(["create", "\(lab.path("repo"))::theirs", root])
    let (ours, theirs) = (try lab.items("ours"), try lab.items("theirs"))
    #expect(ours.map(\.path) == theirs.map(\.path))
    for (our, their) in zip(ours, theirs) { #expect(our == their) }
    let streams = try lab.withSession { session in
      try ["ours", "theirs"].map { try Archive(named: Array($0.utf8), in: session).metadata }
    }
    #expect(streams[0].items == streams[1].items)
    #expect(streams[0].size == streams[1].size)
    #expect(streams[0].storedSize == streams[1].storedSize)
    #expect(streams[0].fileCount == streams[1].fileCount)
    #expect(streams[0].chunkerParameters == streams[1].chunkerParameters)
  }

  @Test func `files that are opened ahead of their turn are stored as Borg stores them`() throws {
    let lab = try Lab()
    try lab.shell(
      """
      mkdir "$1/input"; cd "$1/input"
      for i in $(seq 150); do
        printf "$i" >"file$i"
        case $i in
        *7) ln "file$i" "again$i"; mkdir "dir$i"; printf x >"dir$i/file"; ln "file$i" "dir$i/third" ;;
        *3) setfattr -n user.number -v "$i" "file$i" || true ;;
        *55) ln -s "file$i" "link$i"; head -c 2000000 /dev/urandom >"large$i" ;;
        esac
      done
      """)
    let root = lab.path("input")
    try lab.create("ours", [root])
    try lab.oracle(["create", "\(lab.path("repo"))::theirs", root])
    #expect(try lab.items("ours") == lab.items("theirs"))
    try lab.extract("ours", to: lab.path("out")) { $0.stripComponents = root.split(separator: "/").count - 1 }
    #expect(try lab.listing("out/input") == lab.listing("input"))
  }

  @Test func `numeric ids, times and their absence are stored as Borg does`() throws {
    let lab = try Lab()
    try lab.makeTree()
    let root = lab.path("input")
    // The first reading of a link moves its access time.
    try lab.shell("find \"$1/input\" -type l -exec readlink {} +")
    try lab.create("ours", [root]) { options in
      options.numericIDs = true
      options.storesAtime = true
      options.storesCtime = false
      options.storesXattrs = false
    }
    let flags = ["--numeric-ids", "--atime", "--noctime", "--noxattrs"]
    try lab.oracle(["create"] + flags + ["\(lab.path("repo"))::theirs", root])
    for (our, their) in zip(try lab.items("ours"), try lab.items("theirs")) { #expect(our == their) }
  }

  @Test(arguments: ["fixed,65536", "fixed,65536,1000", "buzhash,10,14,12,1023"])
  func `every chunker cuts as Borg's`(_ text: String) throws {
    let lab = try Lab()
    try lab.makeTree()
    let root = lab.path("input")
    try lab.create("ours", [root]) { $0.chunkerParameters = try ChunkerParameters(parsing: text) }
    try lab.oracle(["create", "--chunker-params", text, "\(lab.path("repo"))::theirs", root])
    #expect(try lab.items("ours") == lab.items("theirs"))
  }

  @Test func `holes are stored as Borg stores them`() throws {
    let lab = try Lab()
    try lab.shell(
      "mkdir \"$1/input\"; cd \"$1/input\"; truncate -s 3M a; printf x >>a; truncate -s 5M a; truncate -s 1M b")
    let root = lab.path("input")
    try lab.create("ours", [root]) { options in
      options.chunkerParameters = .fixed(block: 262_144, header: 0)
      options.sparse = true
    }
    try lab.oracle(["create", "--sparse", "--chunker-params", "fixed,262144", "\(lab.path("repo"))::theirs", root])
    #expect(try lab.items("ours") == lab.items("theirs"))
    try lab.extract("ours", to: lab.path("out")) { options in
      options.sparse = true
      options.stripComponents = root.split(separator: "/").count - 1
    }
    #expect(try lab.listing("out/input") == lab.listing("input"))
    #expect(try lab.shell("stat -c %b \"$1/out/input/b\"") == "0\n")
  }

  @Test func `an unchanged tree is not read again and stores nothing but metadata`() throws {
    let lab = try Lab()
    try lab.makeTree()
    try lab.shell("find \"$1/input\" -type f -exec touch -d '2020-01-01' {} +; sleep 0.02; touch \"$1/input/newest\"")
    let root = lab.path("input")
    let first = try lab.create("one", [root])
    let second = try lab.create("two", [root])
    #expect(first.statistics.originalSize == second.statistics.originalSize)
    #expect(second.statistics.deduplicatedSize == 0)
    let letters = lab.monitor.statuses.suffix(lab.monitor.statuses.count / 2).map { String($0.0) }
    #expect(letters.contains("U"))
    #expect(!letters.contains("M"))
    try lab.oracle(["create", "\(lab.path("repo"))::three", root])
    let list = try lab.oracle(["create", "--list", "--filter", "AMU", "\(lab.path("repo"))::four", root])
    #expect(list.contains("U "))
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
    _ = try lab.create("five", [root])
    try lab.oracle(["delete", "\(lab.path("repo"))::one"], status: 0)
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
  }
}
