import BorgFormat
import BorgSystem
import BorgTesting
import BorgTree
import Glibc
import Synchronization
import Testing

struct RepositoryTreeTests {
  private let archives: [(name: String, files: [File])] = [
    ("first: one", [.file("a", "1")]), ("second", [.directory(".", mode: 0o700), .file("a", "22")]),
  ]

  @Test func `listing the archives reads none of them`() throws {
    let source = MemoryTreeSource(archives)
    let tree = try RepositoryTree(source, options: .test)
    #expect(try tree.names("") == [".", "..", "first: one", "second"])
    let directory = try tree.at("first: one")
    #expect((directory.mode, directory.mtime, directory.areFinal) == (0o040755, 1_000_000_000, false))
    #expect(try tree.xattrNames(of: directory.inode) == [])
    #expect(source.scans(of: "first: one") + source.scans(of: "second") == 0)
    #expect(tree.statistics.pendingArchives == 2)
  }

  @Test func `an archive is read once, when it is entered`() throws {
    let source = MemoryTreeSource(archives)
    let tree = try RepositoryTree(source, options: .test)
    #expect(try tree.text("second/a") == "22")
    #expect(try tree.names("second") == [".", "..", "a"])
    #expect((source.scans(of: "first: one"), source.scans(of: "second")) == (0, 1))
    #expect((try tree.at("second").mode, try tree.at("second").areFinal) == (0o040700, true))
    #expect(try tree.at("first: one/a").inode != tree.at("second/a").inode)
    #expect(try tree.at("second/..").inode == 1)
    #expect(try tree.at("first: one").mtime == 1_000_000_000)
  }

  @Test func `inode numbers do not depend on what was read first`() throws {
    let one = try RepositoryTree(MemoryTreeSource(archives), options: .test)
    let two = try RepositoryTree(MemoryTreeSource(archives), options: .test)
    let first = (try one.at("first: one/a").inode, try one.at("second/a").inode)
    let second = (try two.at("second/a").inode, try two.at("first: one/a").inode)
    #expect(first == (second.1, second.0))
  }

  @Test func `inode numbers do not depend on which archives there are`() throws {
    let source = MemoryTreeSource(archives)
    let both = try RepositoryTree(source, options: .test)
    source.show(["second"])
    let one = try RepositoryTree(source, options: .test)
    #expect(try both.at("second/a").inode == one.at("second/a").inode)
    #expect(try one.at("second/.") == one.at("second"))
  }

  @Test func `who asks for an inode's dot alone learns which archives there are`() throws {
    let source = MemoryTreeSource(archives)
    source.show(["first: one"])
    let tree = try RepositoryTree(source, options: .test)
    let other = try RepositoryTree(MemoryTreeSource(archives), options: .test)
    let (first, second) = (try other.at("first: one/a"), try other.at("second/a"))
    let dot: [UInt8] = [0x2E]
    #expect(try dot.withUnsafeBytes { try tree.lookup($0, in: first.inode) } == first)
    source.show(["second"])
    #expect(try dot.withUnsafeBytes { try tree.lookup($0, in: second.inode) } == second)
    #expect(throws: TreeError.noSuchArchive) { try dot.withUnsafeBytes { try tree.lookup($0, in: first.inode) } }
  }

  @Test func `generations tell one archive's inodes from another's`() throws {
    let source = MemoryTreeSource([("one", [.file("a")]), ("two", [.file("a")])])
    let trees = try source.archives().map { try ArchiveTree(of: $0, from: source, options: .test) }
    let (one, two) = (try trees[0].at("a"), try trees[1].at("a"))
    #expect(one.inode == two.inode && one.generation != two.generation)
    let tree = try RepositoryTree(source, options: .test)
    #expect(try tree.at("one/a").generation == one.generation)
    let unread = try tree.at("two").generation
    #expect(try tree.at("two/a").generation == two.generation)
    #expect(try tree.at("two").generation == unread)
  }

  @Test func `generations tell mounts with other patterns apart`() throws {
    let files: [File] = [.file("a"), .file("b")]
    let all = try ArchiveTree.of(files).at("a")
    let selected = try ArchiveTree.of(files, source: MemoryTreeSource([("a", files)], selects: { $0 == "b" })).at("b")
    #expect(all.inode == selected.inode && all.generation != selected.generation)
  }

  @Test func `archives come and go, and what stays is not read again`() throws {
    let source = MemoryTreeSource(archives + [("third", [.file("b", "3")])])
    source.show(["first: one", "second"])
    let tree = try RepositoryTree(source, options: .test)
    #expect(throws: TreeError.noSuchArchive) { try tree.at("third") }
    let gone = try tree.at("first: one/a")
    #expect(try tree.text("second/a") == "22")
    let before = try tree.at("")
    source.show(["second", "third"])
    #expect(try tree.names("") == [".", "..", "second", "third"])
    #expect(try tree.at("").mtime > before.mtime)
    #expect(try (tree.text("second/a"), tree.text("third/b")) == ("22", "3"))
    #expect(throws: TreeError.noSuchArchive) { try tree.attributes(of: gone.inode) }
    #expect(throws: TreeError.noSuchArchive) { try tree.at("first: one") }
    #expect((source.scans(of: "first: one"), source.scans(of: "second"), source.scans(of: "third")) == (1, 1, 1))
    #expect((try tree.at("second").mayVanish, try tree.at("second/a").mayVanish) == (true, false))
  }

  /// Lists up to an archive, shows others step by step, and lists the rest.
  private func rest(after stop: Int, _ steps: [Set<Int>]) throws -> [Int] {
    let source = MemoryTreeSource((1...6).map { ("\($0)", []) })
    let tree = try RepositoryTree(source, options: .test)
    var position: UInt64 = 0
    try tree.forEachEntry(of: 1, after: 0) { entry in
      position = entry.position
      return !entry.name.elementsEqual("\(stop)".utf8)
    }
    for step in steps {
      source.show(Set(step.map { "\($0)" }))
      _ = try tree.attributes(of: 1)
    }
    var rest: [Int] = []
    try tree.forEachEntry(of: 1, after: position) { entry in
      rest.append(Int(String(decoding: entry.name, as: UTF8.self)) ?? -1)
      return true
    }
    return rest
  }

  @Test func `a listing goes on where archives were taken away`() throws {
    #expect(try rest(after: 3, [[1, 2, 4, 5, 6]]) == [4, 5, 6])
    #expect(try rest(after: 3, [[4, 5]]) == [4, 5])
    #expect(try rest(after: 3, [[1, 2, 4, 5, 6], [2, 5, 6]]) == [5, 6])
    #expect(try rest(after: 3, [[5, 6], [1, 2, 3, 4, 5, 6]]) == [4, 5, 6])
    #expect(try rest(after: 4, [[3, 6], [6]]) == [6])
    #expect(try rest(after: 6, [[1, 2]]) == [])
  }

  @Test func `an archive that cannot be read costs only itself`() throws {
    let source = MemoryTreeSource(archives)
    source.makeUnreadable("second")
    let tree = try RepositoryTree(source, options: .test)
    for _ in 0..<2 { #expect(throws: TreeError.ioFailed("archive second is damaged")) { try tree.at("second/a") } }
    #expect(source.scans(of: "second") == 1)
    #expect(try tree.names("") == [".", "..", "first: one", "second"])
    #expect(try tree.text("first: one/a") == "1")
  }

  @Test func `many who enter at once read once, and others are not kept waiting`() throws {
    let gate = Mutex(true)
    let source = MemoryTreeSource(
      archives,
      onScan: { name in
        while name == "second", gate.withLock({ $0 }) { usleep(1000) }
      })
    let tree = try RepositoryTree(source, options: .test)
    defer { gate.withLock { $0 = false } }
    let texts = Mutex<[String?]>([])
    let readers = try (0..<2).map { _ in
      try Worker {
        let text = try? tree.text("second/a")
        texts.withLock { $0.append(text) }
      }
    }
    while source.scans(of: "second") == 0 { usleep(1000) }
    #expect(try tree.text("first: one/a") == "1")
    #expect(try tree.names("").count == 4)
    gate.withLock { $0 = false }
    for reader in readers { reader.join() }
    #expect(texts.withLock { $0 } == ["22", "22"])
    #expect(source.scans(of: "second") == 1)
  }

  @Test func `archives whose names no directory can hold are left out`() throws {
    let tree = try RepositoryTree(MemoryTreeSource([("a/b", []), ("..", []), ("ok", [])]), options: .test)
    #expect(try tree.names("") == [".", "..", "ok"])
  }
}
