import BorgFormat
import BorgMount
import BorgSystem
import BorgTesting
import BorgTree
import CLinux
import Glibc
import Synchronization
import Testing

/// Read-only checks through the kernel; they need /dev/fuse.
@Suite(.serialized) struct FuseSessionTests {
  @Test func `attributes arrive as stored`() throws {
    let mount = try MountedTree([
      File.file("f", "hello", mode: 0o4640).with { ($0.mtime, $0.uid, $0.gid) = (-1_500_000_000, 12, 13) },
      File.file("dev").with { ($0.mode, $0.rdev) = (FileType.blockDevice | 0o600, 0x0702) },
      .symbolicLink("l", to: "f"), .directory("d", mode: 0o751),
    ])
    let file = try mount.status("f")
    #expect((file.st_mode, file.st_size, file.st_nlink, file.st_uid, file.st_gid) == (0o104640, 5, 1, 12, 13))
    #expect((file.st_mtim.tv_sec, file.st_mtim.tv_nsec) == (-2, 500_000_000))
    #expect((file.st_blocks, file.st_blksize) == (1, 512))
    #expect(try mount.status("dev").st_rdev == 0x0702)
    #expect(try mount.status("l").st_size == 1)
    #expect(try mount.status("d").st_mode == 0o040751)
    #expect((try mount.status("").st_ino, try mount.status("d/..").st_ino) == (1, 1))
  }

  @Test func `contents are read whole, in parts and past the end`() throws {
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
    let mount = try MountedTree([.file("f", bytes: bytes), .file("empty")])
    #expect(try mount.content("f") == bytes)
    #expect(try mount.content("f", offset: 299_990, count: 100) == Array(bytes[299_990...]))
    #expect(try mount.content("f", offset: 400_000, count: 100) == [])
    #expect(try mount.content("empty") == [])
  }

  @Test func `errors have the errno callers expect`() throws {
    let mount = try MountedTree([
      .file("f", "1"), .directory("d"), File.file("damaged", "0").with { $0.chunksHealthy = [] },
    ])
    #expect(throws: SystemError(code: ENOENT)) { try mount.status("none") }
    #expect(throws: SystemError(code: ENOENT)) { try mount.status("none") }
    #expect(throws: SystemError(code: ENOTDIR)) { try mount.status("f/x") }
    #expect(throws: SystemError(code: EIO)) { try mount.content("damaged") }
    #expect(try mount.content("f") == [0x31])
    #expect(open(mount.path("f"), O_RDWR) == -1 && errno == EROFS)
    #expect(mkdir(mount.path("new"), 0o755) == -1 && errno == EROFS)
    #expect(unlink(mount.path("f")) == -1 && errno == EROFS)
    #expect(chmod(mount.path("f"), 0o600) == -1 && errno == EROFS)
    #expect(setxattr(mount.path("f"), "user.a", "b", 1, 0) == -1 && errno == EROFS)
  }

  @Test func `names of 255 bytes and of any bytes are found and listed`() throws {
    let odd: [UInt8] = [0xFF, 0xFE, 0x20, 0x0A, 0xC3]
    let long = String(repeating: "x", count: 255)
    let mount = try MountedTree([.file(long, "long"), File.file("?", "odd").with { $0.path = odd }])
    #expect(try mount.content(long) == Array("long".utf8))
    #expect(try mount.entries("").map(\.name).suffix(2) == [Array(long.utf8), odd])
    let path = mount.path("").utf8.map { CChar(bitPattern: $0) } + odd.map { CChar(bitPattern: $0) } + [0]
    var status = stat()
    #expect(lstat(path, &status) == 0 && status.st_size == 3)
  }

  @Test func `a large directory is listed in order, and from any place again`() throws {
    let names = (0..<20_000).map { "entry-number-\($0)" }
    let mount = try MountedTree(names.map { .file("big/\($0)") })
    for _ in 0..<2 {
      let entries = try mount.entries("big")
      #expect(entries.map { String(decoding: $0.name, as: UTF8.self) } == [".", ".."] + names)
      #expect(Set(entries.map(\.inode)).count == 20_002)
      for index in [0, 1, 2, 77, 9_999, 20_000] {
        #expect(try mount.entry("big", at: entries[index].position) == entries[index + 1].name)
      }
      #expect(try mount.entry("big", at: entries[20_001].position) == nil)
      #expect(try mount.status("big/entry-number-19999").st_ino == entries[20_001].inode)
    }
  }

  @Test func `hard links share an inode`() throws {
    let mount = try MountedTree([
      File.file("a", "x").with { $0.hardlinkMaster = true }, .hardLink("d/b", to: "a"),
    ])
    let (one, two) = (try mount.status("a"), try mount.status("d/b"))
    #expect((one.st_ino, one.st_nlink) == (two.st_ino, 2))
    #expect(try mount.content("d/b") == [0x78])
  }

  @Test func `symbolic links and extended attributes are bytes`() throws {
    let target = "../" + String(repeating: "t", count: 3000) + "/\u{e4}"
    let value = [UInt8](repeating: 7, count: 5000)
    let attributes = [
      ExtendedAttribute(name: Array("user.empty".utf8), value: []),
      ExtendedAttribute(name: Array("user.big".utf8), value: value),
    ]
    let mount = try MountedTree([
      .symbolicLink("l", to: target), File.file("x").with { $0.xattrs = attributes }, .file("plain"),
    ])
    var buffer = [CChar](repeating: 0, count: 8192)
    var length = readlink(mount.path("l"), &buffer, buffer.count)
    #expect(buffer[..<max(0, length)].map { UInt8(bitPattern: $0) } == Array(target.utf8))
    length = llistxattr(mount.path("x"), &buffer, buffer.count)
    #expect(buffer[..<max(0, length)].map { UInt8(bitPattern: $0) } == Array("user.empty\0user.big\0".utf8))
    #expect(lgetxattr(mount.path("x"), "user.empty", &buffer, buffer.count) == 0)
    #expect(lgetxattr(mount.path("x"), "user.big", nil, 0) == 5000)
    #expect(lgetxattr(mount.path("x"), "user.big", &buffer, 10) == -1 && errno == ERANGE)
    #expect(lgetxattr(mount.path("x"), "user.none", &buffer, 10) == -1 && errno == ENODATA)
    #expect(lgetxattr(mount.path("x"), "system.posix_acl_access", &buffer, 10) == -1 && errno == EOPNOTSUPP)
    #expect(llistxattr(mount.path("plain"), &buffer, buffer.count) == 0)
  }

  /// With a damaged file among them every file is opened with a handle.
  @Test(arguments: [false, true]) func `files read one after the other are asked for now and then`(
    withHandles: Bool
  ) throws {
    let names = (0..<40).map { "f\($0)" }
    let texts = names.map { String(repeating: $0, count: 900) }
    var files: [File] = [.directory("d")] + zip(names, texts).map { .file("d/\($0)", $1) }
    if withHandles { files.append(File.file("damaged", "0").with { $0.chunksHealthy = [] }) }
    let source = MemoryTreeSource([("a", files)])
    let options = TreeOptions(uid: getuid(), gid: getgid(), mountTime: 0)
    let mount = try MountedTree(ArchiveTree(of: try source.archives()[0], from: source, options: options))
    // The kernel keeps nothing of files that it was never told of.
    #expect(try mount.entries("d").count == 42)
    for (name, text) in zip(names, texts) { #expect(try mount.content("d/\(name)") == Array(text.utf8)) }
    #expect(source.reads == ["d/f0", "d/f1", "d/f6", "d/f15", "d/f32"])
    for (name, text) in zip(names, texts) { #expect(try mount.content("d/\(name)") == Array(text.utf8)) }
    #expect(source.reads.count == 5)
  }

  @Test func `many readers of the same files each get their bytes`() throws {
    let files: [File] = (0..<400).map { n in
      .file("f\(n)", bytes: (0..<(1 + n * 41 % 20_000)).map { UInt8(truncatingIfNeeded: $0 &* (n + 1)) })
    }
    for _ in 0..<3 {
      let mount = try MountedTree(files)
      #expect(try mount.entries("").count == 402)
      let wrong = Atomic<Int>(0)
      let path = mount.path("f")
      let readers = try (0..<8).map { _ in
        try Worker {
          for (number, file) in files.enumerated() {
            let descriptor = open("\(path)\(number)", O_RDONLY)
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: 30_000)
            let count = pread(descriptor, &bytes, bytes.count, 0)
            if bytes.prefix(max(0, count)) != file.content[...] { wrong.add(1, ordering: .relaxed) }
          }
        }
      }
      for reader in readers { reader.join() }
      #expect(wrong.load(ordering: .relaxed) == 0)
    }
  }

  @Test func `statfs tells block size and longest name`() throws {
    let mount = try MountedTree([])
    var status = statvfs()
    #expect(statvfs(mount.path(""), &status) == 0)
    #expect((status.f_bsize, status.f_frsize, status.f_blocks, status.f_namemax) == (512, 512, 0, 255))
  }

  @Test(arguments: [Int64.min, -1, 0, 1, 512, 513, .max]) func `statfs takes whatever the repository says`(
    stored: Int64
  ) throws {
    let mount = try MountedTree([], storedBytes: stored)
    var status = statvfs()
    #expect(statvfs(mount.path(""), &status) == 0)
    #expect(Int(status.f_blocks) == max(0, Int(stored / 512) + (stored % 512 > 0 ? 1 : 0)))
  }

  @Test func `many readers at once each get their bytes`() throws {
    let files: [File] = (0..<16).map { n in
      .file("f\(n)", bytes: (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* (n + 1)) })
    }
    let mount = try MountedTree(files)
    let wrong = Atomic<Int>(0)
    let path = mount.path("f")
    let workers = try (0..<16).map { n in
      let expected = files[n].content
      return try Worker {
        for _ in 0..<5 {
          let descriptor = open("\(path)\(n)", O_RDONLY)
          defer { close(descriptor) }
          var bytes = [UInt8](repeating: 0, count: expected.count)
          let count = pread(descriptor, &bytes, bytes.count, 0)
          if count != expected.count || bytes != expected { wrong.add(1, ordering: .relaxed) }
          posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        }
      }
    }
    for worker in workers { worker.join() }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  @Test func `an archive that cannot be read is one directory with EIO`() throws {
    let source = MemoryTreeSource([("good", [.file("a", "1")]), ("bad", [.file("b")])])
    source.makeUnreadable("bad")
    let mount = try MountedTree(try RepositoryTree(source, options: TreeOptions(uid: 0, gid: 0, mountTime: 0)))
    #expect(try mount.entries("").map { String(decoding: $0.name, as: UTF8.self) } == [".", "..", "good", "bad"])
    #expect(source.scans(of: "good") + source.scans(of: "bad") == 0)
    #expect(try mount.status("good").st_mtim.tv_sec == 1)
    #expect(throws: SystemError(code: EIO)) { try mount.status("bad/b") }
    #expect(throws: SystemError(code: EIO)) { try mount.content("bad/b") }
    #expect(try mount.content("good/a") == [0x31])
    #expect(try mount.status("good/..").st_ino == 1)
    #expect(source.scans(of: "good") == 1)
  }

  @Test func `options that libfuse does not know are refused`() throws {
    let source = MemoryTreeSource([("a", [])])
    let tree = try RepositoryTree(source, options: TreeOptions(uid: 0, gid: 0, mountTime: 0))
    #expect(throws: MountError.mountFailed) { try FuseSession(tree, options: ["nonsense"]) }
  }
}
