import BorgFormat
import BorgTesting
import BorgTree
import Testing

@Suite struct ViewsTreeTests {
  private let source = MemoryTreeSource([("one", [.file("a", "1")]), ("two", [.file("a", "2")])])
  private let tree: ViewsTree

  init() throws {
    let options = TreeOptions(uid: 0, gid: 0, mountTime: 5_000_000_000)
    tree = ViewsTree(over: try RepositoryTree(source, options: options), source: source, options: options)
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
    let source = OddNames()
    let options = TreeOptions(uid: 0, gid: 0, mountTime: 5_000_000_000)
    let tree = ViewsTree(over: try RepositoryTree(source, options: options), source: source, options: options)
    #expect(try tree.names("") == [".", "..", "one", "two"])
    #expect(try tree.names(".borg/by-host") == [".", "..", "unknown"])
    #expect(try tree.names(".borg/by-host/unknown") == [".", "..", "latest", "one", "two"])
    #expect(try tree.names(".borg/by-date").count == 2 + 2)
    #expect(try target(".borg/latest", in: tree) == "../two")
    #expect(try tree.names(".borg/history") == [".", "..", "good"])
  }

  private func target(_ path: String, in tree: ViewsTree) throws -> String {
    String(decoding: try tree.linkTarget(of: try tree.at(path).inode), as: UTF8.self)
  }
}

/// Archives, hosts and histories with names that no directory can hold.
private final class OddNames: TreeSource {
  private let memory = MemoryTreeSource([("one", []), ("two", []), ("o/dd", []), ("..", [])])

  func archives() throws(TreeError) -> [TreeArchive] { try memory.archives() }
  func host(of archive: TreeArchive) throws(TreeError) -> [UInt8] {
    archive.name == Array("one".utf8) ? Array("..".utf8) : [UInt8](repeating: 0x61, count: 2000)
  }
  func history(of folder: [UInt8]) throws(TreeError) -> [PathHistory] {
    ["..", "a\0b", "a/b", "good", String(repeating: "n", count: 2000)].map {
      PathHistory(name: Array($0.utf8), versions: [])
    }
  }
  func forEachItem(
    in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) { try memory.forEachItem(in: archive, body) }
  func item(in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> Item {
    try memory.item(in: archive, at: location)
  }
  func content(of item: Item) throws(TreeError) -> any TreeContent { try memory.content(of: item) }
  func userID(_ name: UnsafeRawBufferPointer) -> UInt32? { nil }
  func groupID(_ name: UnsafeRawBufferPointer) -> UInt32? { nil }
  func isSelected(_ path: UnsafeRawBufferPointer) -> Bool { true }
  func warn(_ message: String) {}
}
