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
      var isWhole = true
      let found = histories.history(of: [], in: try source.archives(), &isWhole)
      return (found.map { String(decoding: $0.name, as: UTF8.self) }, isWhole)
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
    var nodes = ViewNodes(maximumCount: 100)
    let top = nodes.inode(of: .top)
    let first = nodes.inode(of: .host([1]))
    for number in 0..<1000 {
      let view = View.history([Array("\(number)".utf8)])
      let inode = nodes.inode(of: view)
      #expect(nodes.view(of: inode) == view)
      #expect(nodes.view(of: top) == .top)
      #expect(nodes.count <= 100)
    }
    #expect(nodes.view(of: first) == nil)
    #expect(nodes.inode(of: .host([1])) == first)
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
