import BorgFormat
import BorgTesting
import Testing

@testable import BorgTree

@Suite struct ViewsTreeTests {
  private let source = MemoryTreeSource([("one", [.file("a", "1")]), ("two", [.file("a", "2")])])
  private let tree: ViewsTree

  init() throws {
    let options = TreeOptions(uid: 0, gid: 0, mountTime: 5_000_000_000)
    tree = ViewsTree(over: try RepositoryTree(source, options: options))
  }

  private func target(_ path: String) throws -> String {
    String(decoding: try tree.linkTarget(of: try tree.at(path).inode), as: UTF8.self)
  }

  @Test func `the views are found but not listed, and read no archive`() throws {
    #expect(try tree.names("") == [".", "..", "one", "two"])
    #expect(try tree.names(".borg") == [".", "..", "latest", "by-date", "by-host", "history"])
    #expect(try tree.at(".borg/..").inode == 1)
    #expect(try tree.at(".borg/by-date/..").inode == tree.at(".borg").inode)
    #expect(throws: (any Error).self) { try tree.at(".borg/none") }
    #expect(source.scans(of: "one") + source.scans(of: "two") == 0)
  }

  @Test func `links lead to archives by time and host`() throws {
    #expect(try target(".borg/latest") == "../two")
    let dates = try tree.names(".borg/by-date").dropFirst(2)
    #expect(try dates.map { try target(".borg/by-date/\($0)") } == ["../../one", "../../two"])
    #expect(try tree.names(".borg/by-host") == [".", "..", "unknown"])
    #expect(try target(".borg/by-host/unknown/latest") == "../../../two")
    #expect(try tree.text("two/a") == "2")
  }

  @Test func `inode numbers are told apart and answer for themselves`() throws {
    let paths = ["", "one", "one/a", ".borg", ".borg/latest", ".borg/by-date", ".borg/by-host", ".borg/history"]
    let inodes = try paths.map { try tree.at($0).inode }
    #expect(Set(inodes).count == paths.count)
    for inode in inodes { #expect(try tree.attributes(of: inode).inode == inode) }
    #expect(throws: TreeError.notASymbolicLink) { try tree.linkTarget(of: inodes[3]) }
    #expect(throws: TreeError.isADirectory) { try tree.open(inodes[3]) }
  }

  @Test func `views follow the archives, whoever looks at them`() throws {
    let all = (1...3).map { ("\($0)", [File.file("a", "\($0)")]) }
    let source = MemoryTreeSource(all)
    let tree = ViewsTree(over: try RepositoryTree(source, options: .test))
    let folders = try [".borg", ".borg/by-date", ".borg/by-host/unknown", ".borg/history/a"].map { try tree.at($0) }
    let latest = try tree.at(".borg/latest")
    #expect(folders.allSatisfy(\.mayVanish) && latest.mayVanish)
    // The newest stays, so that its time tells nothing.
    source.show(["2", "3"])
    for folder in folders { #expect(try tree.attributes(of: folder.inode).mtime > folder.mtime) }
    var names: [String] = []
    source.show(["1"])
    try tree.forEachEntry(of: folders[2].inode, after: 0) { entry in
      names.append(String(decoding: entry.name, as: UTF8.self))
      return true
    }
    #expect(names == [".", "..", "latest", "1"])
    source.show(["2", "1"])
    #expect(try target(".borg/latest", in: tree) == "../2")
    #expect(try tree.at(".borg/latest").inode != latest.inode)
  }

  @Test func `what cannot be a name is nowhere in the views`() throws {
    let source = MemoryTreeSource(
      [
        ("one", ["..", "a\0b", "good", String(repeating: "n", count: 2000)].map { .file($0) }), ("two", []),
        ("o/dd", []), ("..", []),
      ],
      host: { $0.name == Array("one".utf8) ? Array("..".utf8) : [UInt8](repeating: 0x61, count: 2000) })
    let options = TreeOptions(uid: 0, gid: 0, mountTime: 5_000_000_000)
    let tree = ViewsTree(over: try RepositoryTree(source, options: options))
    #expect(try tree.names("") == [".", "..", "one", "two"])
    #expect(try tree.names(".borg/by-host") == [".", "..", "unknown"])
    #expect(try tree.names(".borg/by-host/unknown") == [".", "..", "latest", "one", "two"])
    #expect(try tree.names(".borg/by-date").count == 2 + 2)
    #expect(try target(".borg/latest", in: tree) == "../two")
    #expect(try tree.names(".borg/history") == [".", "..", "good"])
  }

  @Test func `what could not be read is in the history once it can`() throws {
    let source = MemoryTreeSource([("one", [.file("a", "1")]), ("two", [.file("b", "2")])])
    let histories = FolderHistories(BlockStore(source, options: .test), secondsToRetry: 0)
    func names() throws -> (names: [String], isWhole: Bool) {
      var retry: Int?
      let found = histories.history(of: [], in: try source.archives(), &retry)
      return (found.map { String(decoding: $0.name, as: UTF8.self) }, retry == nil)
    }
    source.makeUnreadable("two")
    #expect(try names() == (["a"], false))
    source.makeReadable("two")
    #expect(try names() == (["a", "b"], true))
    let scans = source.scans(of: "two")
    #expect(try names() == (["a", "b"], true))
    #expect(source.scans(of: "two") == scans)
  }

  private func tree(
    _ archives: [(name: String, files: [File])], selects: (@Sendable (String) -> Bool)? = nil
  ) throws -> ViewsTree {
    ViewsTree(over: try RepositoryTree(MemoryTreeSource(archives, selects: selects), options: .test))
  }

  @Test func `a folder's history has all names it ever had, a file's its versions`() throws {
    let tree = try tree([
      ("one", [.directory("d"), .file("d/a", "1"), .file("d/gone", "x")]),
      ("two", [.directory("d"), .file("d/a", "2"), .file("d/implied/deep/f", "y")]),
      ("three", [.directory("d"), .file("d/a", "2"), .directory("d/sub"), .directory("empty")]),
    ])
    #expect(try tree.names(".borg/history") == [".", "..", "d", "empty"])
    #expect(try tree.names(".borg/history/d") == [".", "..", "a", "gone", "implied", "sub"])
    #expect(try tree.names(".borg/history/d/implied") == [".", "..", "deep"])
    let versions = try tree.names(".borg/history/d/a").dropFirst(2)
    #expect(
      try versions.map { try target(".borg/history/d/a/\($0)", in: tree) }
        == ["../../../../one/d/a", "../../../../two/d/a"])
    #expect(versions.first?.hasSuffix(" one") == true)
  }

  @Test func `the histories of all folders together are what the archives hold`() throws {
    let deep = "deep/" + String(repeating: "e/", count: 200) + "f"
    for extra in [[], [File.file(deep, "1")], [File.file("/abs/x"), .file("a//b")]] {
      let archives = (0..<4).map { number in
        (
          name: "a\(number)",
          files: (0..<60).map { File.file("d\($0 % 3)/e\($0 % (number + 2))/f\($0)", "\($0 * number)") } + extra
        )
      }
      let repository = try RepositoryTree(MemoryTreeSource(archives), options: .test)
      let tree = ViewsTree(over: repository)
      var expected: Set<String> = []
      for number in 0..<4 {
        expected.formUnion(try repository.everything("a\(number)").map { String($0.dropFirst(3)) })
      }
      var found: Set<String> = []
      func walk(_ path: String) throws {
        for name in try tree.names(".borg/history" + path).dropFirst(2) {
          let attributes = try tree.at(".borg/history\(path)/\(name)")
          guard attributes.mode & FileType.mask == FileType.directory else { continue }
          found.insert(String((path + "/" + name).dropFirst()))
          if name != "deep" { try walk(path + "/" + name) }
        }
      }
      try walk("")
      #expect(found == expected.filter { !$0.hasPrefix("deep/") })
    }
  }

  @Test func `what was a file and a folder has versions and names, and only folders are searched`() throws {
    let source = MemoryTreeSource([
      ("one", [.file("d/x", "1"), .file("d/f", "1")]), ("two", [.file("d/x/below", "2"), .file("d/f", "2")]),
    ])
    let tree = ViewsTree(over: try RepositoryTree(source, options: .test))
    let names = try tree.names(".borg/history/d/x").dropFirst(2)
    #expect(names.count == 2 && names.last == "below")
    let scans = source.scans(of: "one")
    #expect(try tree.names(".borg/history/d/f").count == 4)
    #expect(source.scans(of: "one") == scans)
  }

  @Test func `what the mount's patterns leave out is not in the history, folders neither`() throws {
    let archives: [(name: String, files: [File])] = [
      (
        "one",
        [.directory("no"), .file("no/a"), .directory("yes"), .file("yes/b"), .file("half/no/c"), .file("half/d")]
      )
    ]
    let tree = try tree(archives) { $0 != "no" && !$0.contains("no/") }
    #expect(try tree.names(".borg/history") == [".", "..", "half", "yes"])
    #expect(try tree.names(".borg/history/half") == [".", "..", "d"])
    #expect(try tree.names("one") == [".", "..", "yes", "half"])
  }

  @Test func `labels that are cut or alike are told apart`() throws {
    let long = String(repeating: "ä", count: 120)
    let tree = try tree((0..<3).map { (long + "\($0)", [.file("a", "\($0)"), .file("b", "\($0)")]) })
    let labels = try tree.names(".borg/history/a").dropFirst(2)
    #expect(Set(labels).count == 3)
    #expect(labels.allSatisfy { $0.utf8.count <= 255 && !$0.contains("\u{FFFD}") })
    #expect(try Set(labels.map { try target(".borg/history/a/\($0)", in: tree) }).count == 3)
  }

  @Test func `views that nobody asked for lately are forgotten, the others keep their numbers`() {
    var nodes = ViewNodes(NameHash(), maximumCount: 100)
    let top = nodes.identity(of: .top).inode
    let first = nodes.identity(of: .host([1])).inode
    for number in 0..<1000 {
      let view = View.history([Array("\(number)".utf8)])
      let inode = nodes.identity(of: view).inode
      #expect(nodes.view(of: inode) == view)
      #expect(nodes.view(of: top) == .top)
      #expect(nodes.count <= 100)
    }
    #expect(nodes.view(of: first) == nil)
    #expect(nodes.identity(of: .host([1])).inode == first)
  }

  @Test func `generations tell views apart that have had one number`() {
    let hash = NameHash(key: (0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93))
    func identity(_ number: Int, _ nodes: inout ViewNodes) -> ViewNodes.Identity {
      nodes.identity(of: .host(Array("\(number)".utf8)))
    }
    var (nodes, again) = (ViewNodes(hash), ViewNodes(hash))
    let identities = (0..<1000).map { identity($0, &nodes) }
    #expect(Set(identities.map(\.generation)).count > 990)
    #expect((0..<1000).map { identity($0, &again) } == identities)
  }

  @Test func `folders far below many others are not held, and that is told`() {
    let tree = FolderTree()
    func ask(_ path: String) { Array(path.utf8).withUnsafeBytes { _ = tree.admits(directory: $0) } }
    for folder in 0..<200 { for child in 0..<20 { ask("folder \(folder)/a/b/c/child \(child)") } }
    #expect(tree.isComplete && tree.folders(in: []).count == 200)
    let element = String(repeating: "e", count: 250)
    for number in 0..<100 { ask("\(number)" + String(repeating: "/" + element, count: 120)) }
    #expect(!tree.isComplete)
    #expect(tree.folders(in: []).count < 300)
  }

  @Test func `of what was made last all that is small is kept, of large things two`() {
    var recent = Recent<Int, Int>(maximumSize: 100, maximumCount: 10)
    for key in 0..<20 { recent.keep(key, key, size: 1, until: nil) }
    #expect(recent.count == 10 && recent.value(10)?.value == 10 && recent.value(9) == nil)
    recent.keep(30, 30, size: 95, until: nil)
    #expect(recent.count == 6 && recent.value(10) != nil)
    recent.keep(31, 31, size: 1000, until: nil)
    recent.keep(32, 32, size: 1000, until: nil)
    #expect(recent.count == 2 && recent.value(31) != nil)
    recent.keep(33, 33, size: 1, until: 0)
    #expect(recent.value(33) == nil && recent.value(31)?.value == 31)
  }

  @Test func `listing the hosts asks for the archives' names and times a few times, however many there are`() throws {
    let source = MemoryTreeSource((0..<50).map { ("archive \($0)", []) }, host: \.name)
    let tree = ViewsTree(over: try RepositoryTree(source, options: .test))
    _ = try tree.names(".borg/by-host")
    let count = source.listings
    _ = try tree.names(".borg/by-host")
    #expect(source.listings - count < 10)
    #expect(try tree.names(".borg/by-host").count == 52)
  }

  private func target(_ path: String, in tree: ViewsTree) throws -> String {
    String(decoding: try tree.linkTarget(of: try tree.at(path).inode), as: UTF8.self)
  }
}
