import BorgFormat
import BorgTesting
import BorgTree
import Testing

struct ArchiveTreeTests {
  @Test func `folders that no item describes are shown, unless items name far more of them than there are items`()
    throws
  {
    let letters = (0..<26).map { String(UnicodeScalar(UInt8(97 + $0))) }
    var files: [File] = []
    for a in letters { for b in letters { for c in letters { files.append(.file("\(a)\(b)/\(c)/f")) } } }
    let tree = try ArchiveTree.of(files)
    #expect(try tree.names("").count == 2 + 26 * 26)
    #expect(try tree.names("zz").count == 2 + 26 && tree.names("zz/z") == [".", "..", "f"])
    let deep = String(repeating: "a/", count: 20_000)
    let many = (0..<50).map { File.file("\($0)/\(deep)f") } + [.file("0/a/g")]
    let source = MemoryTreeSource([("a", many)])
    let hostile = try ArchiveTree.of(many, source: source)
    #expect(hostile.statistics.nodes < 800_000 && source.warnings.count == 1)
    #expect(try hostile.names("0/a") == [".", "..", "a", "g"])
  }

  @Test func `items lie below the root and missing parents are synthetic`() throws {
    let tree = try ArchiveTree.of([.file("home/u/a.txt", "hello", mtime: 5)])
    #expect(try tree.everything() == ["home", "home/u", "home/u/a.txt"])
    let parent = try tree.at("home")
    #expect(parent.mode == 0o040755)
    #expect((parent.uid, parent.gid) == (7, 8))
    #expect(parent.mtime == 99_000_000_000)
    let file = try tree.at("home/u/a.txt")
    #expect((file.mode, file.size, file.mtime, file.ctime, file.linkCount) == (0o100644, 5, 5, 5, 1))
    #expect(try tree.text("home/u/a.txt") == "hello")
  }

  @Test func `a directory item after its children takes the synthetic directory's place`() throws {
    let tree = try ArchiveTree.of([
      .file("d/a"), .file("e"), .directory("d", mode: 0o700, mtime: 3), .file("d/b"),
    ])
    #expect(try tree.everything() == ["d", "d/a", "d/b", "e"])
    #expect(try tree.at("d").mode == 0o040700)
  }

  @Test func `the item called dot describes the root and is listed once`() throws {
    let tree = try ArchiveTree.of([.directory(".", mode: 0o711, mtime: 4), .file("a")])
    #expect(try tree.names("") == [".", "..", "a"])
    #expect(try tree.at("").mode == 0o040711)
    #expect(try tree.at("").mtime == 4)
    #expect(try tree.at("..").inode == 1)
  }

  @Test func `paths that lead nowhere are left out and cost nothing else`() throws {
    let long = String(repeating: "n", count: 256)
    let tree = try ArchiveTree.of([
      .directory(".."), .file("../x"), .file("/abs"), .file("a//b"), .file("a/../b"), .file("a/"), .file(long),
      .file("nul\0nul"), .file("dir/./x"), .file(String(repeating: "d/", count: 40_000) + "x"), .file("good"),
      File.file("odd").with { $0.mode = 0o644 },
    ])
    #expect(try tree.everything() == ["good"])
  }

  @Test func `the later of two items with one path wins, in the first one's place`() throws {
    let tree = try ArchiveTree.of([
      .file("a", "1"), .file("b"), .file("a", "two"), .directory("c"), .file("c/x"), .file("c", "file now"),
      .file("d"), .directory("d"), .file("d/y"),
    ])
    #expect(try tree.everything() == ["a", "b", "c", "d", "d/y"])
    #expect(try tree.text("a") == "two")
    #expect(try tree.text("c") == "file now")
  }

  @Test func `a file that is used as a directory ends the way`() throws {
    let tree = try ArchiveTree.of([.file("a", "1"), .file("a/b"), .file("c")])
    #expect(try tree.everything() == ["a", "c"])
    #expect(throws: TreeError.notADirectory) { try tree.at("a/b") }
  }

  /// `tar -P` makes absolute sources, `tar ./dir` those that begin with a dot.
  @Test(arguments: ["a", "/a", "./a"], [true, false])
  func `hard links share inode and content and count visible names`(source: String, offersStreams: Bool) throws {
    let archives = [
      (
        name: "a",
        files: [
          File.file("a", "data").with { $0.hardlinkMaster = true }, .hardLink("d/b", to: source),
          .hardLink("c", to: "a"),
        ]
      )
    ]
    let origin: any TreeSource = offersStreams ? StreamTreeSource(archives, cut: 60) : MemoryTreeSource(archives)
    let tree = try ArchiveTree(of: try origin.archives()[0], from: origin, options: .test)
    let inodes = try ["a", "d/b", "c"].map { try tree.at($0) }
    #expect(Set(inodes.map(\.inode)).count == 1)
    #expect(inodes.map(\.linkCount) == [3, 3, 3])
    #expect(try tree.text("d/b") == "data")
  }

  @Test func `a link whose first name is not selected carries the content`() throws {
    let files = [
      File.file("x/a", "data").with { $0.hardlinkMaster = true }, .hardLink("y/b", to: "x/a"),
      .hardLink("y/c", to: "/x/a"),
    ]
    let source = MemoryTreeSource([("a", files)], selects: { $0.hasPrefix("y/") })
    let tree = try ArchiveTree.of([], source: source)
    #expect(try tree.everything() == ["y", "y/b", "y/c"])
    #expect(try tree.at("y/b").inode == tree.at("y/c").inode)
    #expect(try tree.at("y/b").linkCount == 2)
    #expect(try tree.text("y/c") == "data")
  }

  @Test func `a broken hard link is missing and warned of`() throws {
    let source = MemoryTreeSource([("a", [.hardLink("b", to: "gone"), .directory("d"), .hardLink("e", to: "d")])])
    let tree = try ArchiveTree.of([], source: source)
    #expect(try tree.everything() == ["d"])
    #expect(source.warnings == ["Skipping broken hard link: b -> gone", "Skipping broken hard link: e -> d"])
  }

  @Test func `replacing one name of a hard link leaves the others`() throws {
    let tree = try ArchiveTree.of([
      File.file("a", "old").with { $0.hardlinkMaster = true }, .hardLink("b", to: "a"), .directory("a"),
      .file("a/in", "new"), .file("b", "b"), .hardLink("c", to: "a"),
    ])
    #expect(try tree.everything() == ["a", "a/in", "b", "c"])
    #expect(try tree.text("a/in") == "new")
    #expect(try tree.text("b") == "b")
    #expect(try tree.text("c") == "old")
  }

  @Test func `a file whose path a directory takes over stays what its later hard links mean`() throws {
    var files: [File] = ["p", "q", "r", "s"].map { .file($0) }
    files += [.file("a", "first").with { $0.hardlinkMaster = true }, .directory("a"), .file("a/b")]
    files += ["p", "q", "r", "s"].map { .hardLink($0, to: "a") }
    let tree = try ArchiveTree.of(files + [.file("a/c"), .file("a/d")])
    #expect(try tree.everything() == ["p", "q", "r", "s", "a", "a/b", "a/c", "a/d"])
    #expect(try tree.text("p") == "first")
    #expect(try tree.at("q").linkCount == 4)
  }

  @Test func `leading elements are stripped and shorter paths vanish`() throws {
    let files: [File] = [
      .directory("."), .directory("a"), .file("top"), File.file("a/b", "1").with { $0.hardlinkMaster = true },
      .file("z/b", "2"), .hardLink("a/c/d", to: "a/b"), .hardLink("a/e", to: "z/b"),
    ]
    let tree = try ArchiveTree.of(files, options: .test.with { $0.strippedComponents = 1 })
    #expect(try tree.everything() == ["b", "c", "c/d", "e"])
    #expect(try tree.text("b") == "2")
  }

  @Test func `part files are hidden unless asked for`() throws {
    let files: [File] = [.file("a"), File.file("a.borg_part_1").with { $0.part = 1 }]
    #expect(try ArchiveTree.of(files).everything() == ["a"])
    #expect(try ArchiveTree.of(files, options: .test.with { $0.showsPartFiles = true }).everything().count == 2)
  }

  @Test func `owners are looked up by name, then by number, unless forced`() throws {
    let files: [File] = [
      File.file("named").with { ($0.uid, $0.user, $0.gid, $0.group) = (1, [0x6D], 2, [0x6D]) },
      File.file("numbered").with { ($0.uid, $0.user) = (1, Array("nobody here".utf8)) },
      File.file("negative").with { ($0.uid, $0.gid) = (-1, 1 << 40) },
    ]
    let source = MemoryTreeSource([("a", files)], users: ["m": 500])
    let tree = try ArchiveTree.of([], source: source)
    #expect((try tree.at("named").uid, try tree.at("named").gid) == (500, 500))
    #expect(try tree.at("numbered").uid == 1)
    #expect((try tree.at("negative").uid, try tree.at("negative").gid) == (7, 8))
    let forced = try ArchiveTree.of([], options: .test.with { $0.forcedUID = 3 }, source: source)
    #expect((try forced.at("named").uid, try forced.at("").uid, try forced.at("named").gid) == (3, 3, 500))
  }

  @Test func `the umask applies to every mode`() throws {
    let tree = try ArchiveTree.of(
      [.symbolicLink("d/l", to: "x"), .file("f", mode: 0o666)], options: .test.with { $0.umask = 0o022 })
    #expect(try ["", "d", "d/l", "f"].map { try tree.at($0).mode } == [0o040755, 0o040755, 0o120755, 0o100644])
  }

  @Test func `times, devices, links and attributes are shown as stored`() throws {
    let tree = try ArchiveTree.of([
      File.file("t").with { ($0.mtime, $0.ctime, $0.atime) = (-1, 2, 3) },
      File.file("dev").with { ($0.mode, $0.rdev) = (FileType.characterDevice | 0o600, 0x501) },
      .symbolicLink("l", to: "zi\u{e9}l"),
      File.file("x").with { $0.xattrs = [ExtendedAttribute(name: [0x61], value: [0x62])] },
    ])
    let times = try tree.at("t")
    #expect((times.mtime, times.ctime, times.atime) == (-1, 2, 3))
    #expect((try tree.at("dev").rdev, try tree.at("dev").size) == (0x501, 0))
    #expect(try tree.at("l").size == 5)
    #expect(try tree.linkTarget(of: tree.at("l").inode) == Array("zi\u{e9}l".utf8))
    #expect(throws: TreeError.notASymbolicLink) { try tree.linkTarget(of: tree.at("x").inode) }
    #expect(try tree.xattrNames(of: tree.at("x").inode) == [[0x61]])
    #expect(try [UInt8]("a".utf8).withUnsafeBytes { try tree.xattr($0, of: tree.at("x").inode) } == [0x62])
    #expect(throws: TreeError.noSuchAttribute) {
      try [UInt8]("a".utf8).withUnsafeBytes { try tree.xattr($0, of: tree.at("t").inode) }
    }
  }

  @Test func `a tree without any ACL or label says so`() throws {
    func errors(_ file: File) throws -> [TreeError?] {
      let tree = try ArchiveTree.of([File.file("plain"), file])
      let inode = try tree.at("plain").inode
      return ["system.posix_acl_access", "system.posix_acl_default", "security.selinux", "user.other"].map { name in
        Array(name.utf8).withUnsafeBytes { name in
          do throws(TreeError) { _ = try tree.xattr(name, of: inode) } catch { return error }
          return nil
        }
      }
    }
    let (none, noneHere): (TreeError?, TreeError?) = (.noAttributesOfKind, .noSuchAttribute)
    #expect(try errors(File.file("x")) == [none, none, none, noneHere])
    #expect(
      try errors(File.file("x").with { $0.aclAccess = Array("user::rw-\ngroup::r--\nother::r--\n".utf8) })
        == [noneHere, noneHere, none, noneHere])
    let label = ExtendedAttribute(name: Array("security.selinux".utf8), value: [1])
    #expect(try errors(File.file("x").with { $0.xattrs = [label] }) == [none, none, noneHere, noneHere])
  }

  @Test(arguments: [true, false]) func `the next file to be read is known`(offersStreams: Bool) throws {
    var files: [File] = [File.file("a", "1").with { $0.hardlinkMaster = true }, .directory("d"), .file("d/empty")]
    files += [.symbolicLink("d/s", to: "a"), File.file("d/bad", "0").with { $0.chunksHealthy = [] }]
    files += [.hardLink("d/a", to: "a"), .file("d/b", "22")]
    files += (0..<8).map { .directory("d/e\($0)") } + [.file("far", "333")]
    let archives = [(name: "a", files: files)]
    let source: any TreeSource = offersStreams ? StreamTreeSource(archives, cut: 60) : MemoryTreeSource(archives)
    let tree = try ArchiveTree(of: try source.archives()[0], from: source, options: .test)
    let (a, b) = (try tree.at("a").inode, try tree.at("d/b").inode)
    #expect(tree.file(after: a) == FollowingFile(inode: b, size: 2))
    #expect(tree.file(after: b) == nil)
    #expect(tree.file(after: try tree.at("far").inode) == nil)
    #expect(tree.file(after: .max) == nil)
  }

  @Test func `damaged files open only when asked for`() throws {
    let files: [File] = [File.file("f", "zeros").with { $0.chunksHealthy = [] }]
    #expect(throws: TreeError.contentDamaged) { try ArchiveTree.of(files).text("f") }
    #expect(try ArchiveTree.of(files, options: .test.with { $0.opensDamagedFiles = true }).text("f") == "zeros")
  }

  @Test(arguments: [1, 2, 3, 7]) func `a listing goes on where it stopped`(step: Int) throws {
    let files: [File] = (0..<20).map { .file("d/\($0)") }
    let tree = try ArchiveTree.of(files)
    #expect(try tree.names("d", step: step) == [".", ".."] + (0..<20).map { "\($0)" })
  }

  @Test func `inodes of nobody are refused`() throws {
    let tree = try ArchiveTree.of([.file("a")])
    for inode: UInt64 in [0, 3, 1 << 32, .max] {
      #expect(throws: TreeError.noSuchEntry) { try tree.attributes(of: inode) }
    }
    #expect(throws: TreeError.noSuchEntry) { try tree.forEachEntry(of: 1, after: 1 << 40) { _ in true } }
  }

  @Test func `a hundred thousand files take less than 150 bytes each`() throws {
    let files: [File] = (0..<100_000).map { .file("dir\($0 / 1000)/file-number-\($0)") }
    let tree = try ArchiveTree.of(files)
    #expect(tree.statistics.nodes == 100_101)
    #expect(tree.statistics.bytes / 100_000 < 150)
    #expect(try tree.at("dir99/file-number-99999").mode == 0o100644)
  }
}
