import BorgMount
import BorgSystem
import BorgTesting
import BorgTree
import Glibc

typealias File = MemoryTreeSource.File

/// A tree mounted through the kernel for as long as it is held. Needs /dev/fuse and the right to mount.
final class MountedTree {
  let directory: TemporaryDirectory
  let session: FuseSession
  private let server: Worker

  init(
    _ tree: any FileTree, options: [String] = ["fsname=borgfs", "ro", "default_permissions"], storedBytes: Int64 = 0
  ) throws {
    directory = try TemporaryDirectory()
    let session = try FuseSession(tree, options: options, storedBytes: { storedBytes })
    self.session = session
    try session.mount(at: Array(directory.path.utf8))
    server = try Worker { session.serve() }
  }

  convenience init(_ files: [File], storedBytes: Int64 = 0) throws {
    let source = MemoryTreeSource([("a", files)])
    let options = TreeOptions(uid: getuid(), gid: getgid(), mountTime: 1_000_000_000)
    try self.init(
      try ArchiveTree(of: try source.archives()[0], from: source, options: options), storedBytes: storedBytes)
  }

  deinit {
    umount2(directory.path, Int32(MNT_DETACH))
    server.join()
  }

  func path(_ name: String) -> String { "\(directory.path)/\(name)" }

  func status(_ name: String) throws -> stat {
    var result = stat()
    guard lstat(path(name), &result) == 0 else { throw SystemError.last() }
    return result
  }

  /// The names of a directory as bytes, in order, with their inode numbers and the position after each.
  func entries(_ name: String) throws -> [(name: [UInt8], inode: UInt64, position: Int)] {
    guard let stream = opendir(path(name)) else { throw SystemError.last() }
    defer { closedir(stream) }
    var result: [(name: [UInt8], inode: UInt64, position: Int)] = []
    while let entry = Glibc.readdir(stream) {
      result.append((bytes(entry), UInt64(entry.pointee.d_ino), telldir(stream)))
    }
    return result
  }

  /// The next name in a directory at a position that `entries` gave.
  func entry(_ name: String, at position: Int) throws -> [UInt8]? {
    guard let stream = opendir(path(name)) else { throw SystemError.last() }
    defer { closedir(stream) }
    seekdir(stream, position)
    return Glibc.readdir(stream).map { bytes($0) }
  }

  func content(_ name: String, offset: Int = 0, count: Int = 1 << 20) throws -> [UInt8] {
    let descriptor = Glibc.open(path(name), O_RDONLY)
    guard descriptor >= 0 else { throw SystemError.last() }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: count)
    let length = pread(descriptor, &bytes, count, offset)
    guard length >= 0 else { throw SystemError.last() }
    return Array(bytes[..<length])
  }

  private func bytes(_ entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
  }
}
