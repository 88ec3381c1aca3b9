import BorgFormat
import BorgTesting
import BorgTree
import Testing

struct VersionedTreeBuilderTests {
  private func tree(_ archives: [[File]]) throws -> ArchiveTree {
    let source = MemoryTreeSource(archives.enumerated().map { ("a\($0)", $1) })
    return try ArchiveTree(mergedFrom: source, options: .test)
  }

  @Test func `very many short names are all shown`() throws {
    let files = (0..<20_000).map { File.file("\($0)", "x") }
    let tree = try ArchiveTree(mergedFrom: MemoryTreeSource([("one", files)]), options: .test)
    #expect(try tree.names("").count == 20_002)
  }

  @Test func `contents A, B, A are three versions and unchanged content keeps its number`() throws {
    let tree = try tree([
      [.file("f.txt", "A", mtime: 1)], [.file("f.txt", "B")], [.file("f.txt", "B", mtime: 9)], [.file("f.txt", "A")],
    ])
    #expect(try tree.names("f.txt").dropFirst(2) == ["f.00001.txt", "f.00002.txt", "f.00003.txt"])
    #expect(try tree.at("f.txt/f.00002.txt").mtime == 9)
    #expect(try ["1", "2", "3"].map { try tree.text("f.txt/f.0000\($0).txt") } == ["A", "B", "A"])
  }

  @Test(arguments: [
    ("a.tar.gz", "a.tar.00001.gz"), ("noext", "noext.00001"), (".hidden", ".hidden.00001"), ("x.", "x.00001."),
    ("..a", "..a.00001"), ("..a.b", "..a.00001.b"),
  ])
  func `the number stands before the extension`(name: String, versioned: String) throws {
    #expect(try tree([[.file(name)]]).everything() == [name, "\(name)/\(versioned)"])
  }

  @Test func `the longest names get a number, too`() throws {
    let long = String(repeating: "x", count: 255)
    #expect(try tree([[.file(long)]]).everything() == [long, "\(long)/\(long).00001"])
  }

  @Test func `directories merge and others keep their name inside`() throws {
    let tree = try tree([
      [.directory("d", mode: 0o700), .file("d/i", ""), .symbolicLink("sl", to: "1")],
      [.directory("d", mode: 0o711), .file("d/j", "x"), .symbolicLink("sl", to: "2")],
    ])
    #expect(try tree.everything() == ["d", "d/i", "d/i/i.00001", "d/j", "d/j/j.00001", "sl", "sl/sl"])
    #expect(try tree.at("d").mode == 0o040711)
    #expect(try tree.linkTarget(of: tree.at("sl/sl").inode) == [0x32])
  }

  @Test func `hard links have numbers of their own and share the inode`() throws {
    let master = { (content: String) in File.file("a", content).with { $0.hardlinkMaster = true } }
    let tree = try tree([
      [master("1")], [master("2"), .hardLink("b", to: "a")], [master("2"), .hardLink("b", to: "a")],
    ])
    #expect(try tree.everything() == ["a", "a/a.00001", "a/a.00002", "b", "b/b.00001"])
    #expect(try tree.at("a/a.00002").inode == tree.at("b/b.00001").inode)
    #expect(try tree.at("a/a.00002").linkCount == 2)
    #expect(try tree.text("b/b.00001") == "2")
  }
}
