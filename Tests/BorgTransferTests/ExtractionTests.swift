import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgTransfer

/// What extract does with archives that nobody should have made, and with files in its way.
@Suite struct ExtractionTests {
  /// Stores items as they are.
  private func store(_ items: [Item], as name: String, in lab: Lab) throws {
    try lab.withSession(.exclusive) { session in
      let cache = try Cache(session: session, Cache.Options())
      defer { cache.close() }
      let writer = try ArchiveWriter(
        named: Array(name.utf8), session: session, cache: cache, ArchiveWriter.Options())
      for item in items { try writer.add(item) }
      _ = try writer.save()
    }
  }

  private func item(_ path: String, _ mode: UInt32, source: String? = nil) -> Item {
    var item = Item(path: Array(path.utf8), mode: mode)
    item.source = source.map { Array($0.utf8) }
    if mode & FileType.mask == FileType.regular, source == nil {
      item.chunks = []
      item.size = 0
    }
    return item
  }

  private func codes(_ lab: Lab) -> [Int32?] {
    lab.monitor.records.filter { $0.level == .warning && $0.messageID != nil }.map(\.warningCode)
  }

  @Test func `nothing is written through a link that the archive made`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/victim\"; printf keep >\"$1/victim/file\"")
    try store(
      [
        item("dir", 0o040755), item("dir/link", 0o120777, source: lab.path("victim")),
        item("dir/link/file", 0o100644), item("dir/link/sub/file", 0o100644), item("dir/link/sub", 0o040700),
      ], as: "evil", in: lab)
    try lab.extract("evil", to: lab.path("out"))
    #expect(codes(lab) == [108, 108, 108])
    #expect(try lab.shell("cd \"$1/victim\"; ls; cat file") == "file\nkeep")
  }

  @Test func `paths that climb and unsafe link sources are refused`() throws {
    let lab = try Lab()
    try lab.shell("printf keep >\"$1/outside\"; mkdir \"$1/victim\"; printf x >\"$1/victim/secret\"")
    try store(
      [
        item("a/../../outside", 0o100644), item("link", 0o120777, source: lab.path("victim")),
        item("hard", 0o100644, source: "link/secret"), item("hard2", 0o100644, source: "../outside"),
        item("hard3", 0o100644, source: "nowhere"), item("ok", 0o100644),
      ], as: "evil", in: lab)
    try lab.extract("evil", to: lab.path("out"))
    #expect(codes(lab) == [109, 110, 110, 107])
    #expect(try lab.shell("cat \"$1/outside\"; cd \"$1/out\"; ls") == "keeplink\nok\n")
  }

  /// As `tar -P` and `tar ./dir` write them.
  @Test(arguments: ["/dir/first", "./dir/first", "//dir/./first"], [nil, "dir/second"])
  func `sources of hard links need not be written as their names`(source: String, only: String?) throws {
    let lab = try Lab()
    var first = item("dir/first", 0o100644)
    first.hardlinkMaster = true
    let items = [first, item("dir/second", 0o100644, source: source), item("dir/third", 0o100644, source: source)]
    try store(items, as: "linked", in: lab)
    try lab.extract("linked", to: lab.path("out")) { options in
      if let only { try options.matcher.addIncludePaths([Array(only.utf8)]) }
    }
    #expect(codes(lab).isEmpty)
    let found = try lab.shell("cd \"$1/out\"; find . -type f -printf '%p %n\n' | sort")
    #expect(found == (only.map { "./\($0) 1\n" } ?? "./dir/first 3\n./dir/second 3\n./dir/third 3\n"))
  }

  @Test(arguments: ["/absolute", "../up"])
  func `an absolute path ends the run`(_ path: String) throws {
    let lab = try Lab()
    try store([item(path, 0o100644)], as: "evil", in: lab)
    #expect(throws: ArchiveError.plain("Path should be relative and local")) {
      try lab.extract("evil", to: lab.path("out"))
    }
  }

  @Test func `what is in the way goes, unless it is a full directory`() throws {
    let lab = try Lab()
    try lab.shell(
      """
      mkdir "$1/input"; cd "$1/input"; printf new >a; printf new >b; printf new >c; ln -s t d; mkdir e
      mkdir -p "$1/out/b/full" "$1/out/c" "$1/out/d" "$1/out/keep"; cd "$1/out"; printf old >a; ln -s keep e
      """)
    try lab.create("one", ["\(lab.path("input"))/./"])
    try lab.extract("one", to: lab.path("out"))
    let message = "b: open: [Errno 21] Is a directory: '\(lab.path("out"))/b'"
    #expect(lab.monitor.records.filter { $0.level == .warning }.map(\.message) == [message])
    #expect(try lab.shell("cd \"$1/out\"; cat a c; readlink d; test -d e; test ! -L e; test -d b/full") == "newnewt\n")
  }

  @Test func `a wrong size is a warning and the content is written`() throws {
    let lab = try Lab()
    try lab.shell("mkdir \"$1/input\"; printf hello >\"$1/input/f\"")
    try lab.create("one", ["\(lab.path("input"))/./"])
    var items = try lab.items("one")
    for index in items.indices where items[index].isRegular { items[index].size = 6 }
    try lab.withSession(.exclusive) { session in
      let cache = try Cache(session: session, Cache.Options())
      defer { cache.close() }
      let writer = try ArchiveWriter(
        named: Array("two".utf8), session: session, cache: cache, ArchiveWriter.Options())
      for item in items {
        for chunk in item.chunks ?? [] { _ = cache.chunks.addReference(chunk.id) }
        try writer.add(item)
      }
      _ = try writer.save()
    }
    try lab.extract("two", to: lab.path("out"))
    #expect(codes(lab) == [102])
    #expect(lab.monitor.records.contains { $0.message == "f: backup error" })
    #expect(try lab.shell("cat \"$1/out/f\"") == "hello")
  }

  @Test func `a dry run writes nothing and reads everything`() throws {
    let lab = try Lab()
    try lab.makeTree()
    try lab.create("one", ["\(lab.path("input"))/./"])
    try lab.extract("one", to: lab.path("out")) { options in
      options.isDryRun = true
      options.lists = true
    }
    #expect(try lab.shell("ls \"$1/out\"") == "")
    #expect(lab.monitor.records.contains { $0.logger == "borg.output.list" && $0.message == "dir/hello" })
  }

  @Test func `too few components vanish, hard links follow`() throws {
    let lab = try Lab()
    try lab.shell("mkdir -p \"$1/input/a/b\"; cd \"$1/input\"; printf 1 >a/b/f; ln a/b/f a/b/g; printf 2 >top")
    try lab.create("one", ["\(lab.path("input"))/./"])
    try lab.extract("one", to: lab.path("out")) { $0.stripComponents = 2 }
    #expect(try lab.shell("cd \"$1/out\"; ls; stat -c %h f; cat g") == "f\ng\n2\n1")
  }
}
