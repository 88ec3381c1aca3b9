import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgTransfer

@Suite struct DirectoryChainTests {
  private let folder: TemporaryDirectory
  private let chain: DirectoryChain

  init() throws {
    folder = try TemporaryDirectory()
    chain = try DirectoryChain(Array(folder.path.utf8))
  }

  private func names(_ path: String) throws -> [ArraySlice<UInt8>] {
    try TargetPath(Array("\(path)/x".utf8)).parents
  }

  @Test func `missing parents are made`() throws {
    _ = try chain.directory(names("a/b/c"))
    #expect(Files.exists(folder.path("a/b/c")))
    _ = try chain.directory(names("a/d"))
    #expect(Files.exists(folder.path("a/d")))
  }

  @Test func `a parent that is a link is refused`() throws {
    #expect(symlink("/etc", "\(folder.path)/link") == 0)
    #expect(throws: BackupProblem.symlinkParent) { _ = try chain.directory(names("link")) }
    #expect(throws: BackupProblem.symlinkParent) { _ = try chain.directory(names("link/sub")) }
  }

  @Test func `a parent that is a file is refused`() throws {
    try Files.replace(folder.path("file"), with: [])
    #expect(throws: BackupProblem.symlinkParent) { _ = try chain.directory(names("file")) }
  }

  @Test func `a directory replaced by a link is not entered again`() throws {
    _ = try chain.directory(names("a/b"))
    _ = try chain.directory(names("."))
    try Files.removeTree(folder.path("a"))
    #expect(symlink("/etc", "\(folder.path)/a") == 0)
    #expect(throws: BackupProblem.symlinkParent) { _ = try chain.directory(names("a/b")) }
  }

  @Test func `a chain of hundreds keeps few directories open`() throws {
    let deep = Array(repeating: "d", count: 700).joined(separator: "/")
    let fd = try chain.directory(names(deep))
    #expect(mkdirat(fd, "bottom", 0o700) == 0)
    let sibling = try chain.directory(names(deep.dropLast(2) + "/e"))
    #expect(mkdirat(sibling, "other", 0o700) == 0)
    _ = try chain.directory(names("d/d/f"))
    #expect(Files.exists(folder.path("d/d/f")))
  }

  @Test(arguments: ["../a", "a/../b", "a/..", "..", "a/b\0c"])
  func `paths that climb are refused`(_ path: String) {
    #expect(throws: BackupProblem.pathTraversal) { try TargetPath(Array(path.utf8)) }
  }

  @Test func `dots and double slashes are nothing`() throws {
    let path = try TargetPath(Array("./a//b/./c".utf8))
    #expect(path.parents.map { Array($0) } == [[0x61], [0x62]])
    #expect(path.name == [0x63])
    #expect(try TargetPath([0x2E]).name == nil)
  }
}
