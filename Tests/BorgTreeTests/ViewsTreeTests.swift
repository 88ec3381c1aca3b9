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
}
