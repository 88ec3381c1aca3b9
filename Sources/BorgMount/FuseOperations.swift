import BorgTree
import CFuse
import Glibc

/// Kernel requests to tree calls: decodes, makes one call, replies. May be called from any thread.
final class FuseOperations: Sendable {
  private let tree: any FileTree
  /// Told when stored data could not be read.
  private let log: @Sendable (String) -> Void
  private static let maximumReadSize = 1 << 20

  init(_ tree: any FileTree, log: @escaping @Sendable (String) -> Void) {
    self.tree = tree
    self.log = log
  }

  func lookup(_ request: consuming FuseRequest, _ name: UnsafeRawBufferPointer, in parent: UInt64) {
    do throws(TreeError) {
      request.reply(entry: try tree.lookup(name, in: parent))
    } catch .noSuchEntry {
      request.replyNoEntry()
    } catch {
      request.reply(failure(error))
    }
  }

  func getattr(_ request: consuming FuseRequest, _ inode: UInt64) {
    do throws(TreeError) {
      request.reply(attributes: try tree.attributes(of: inode))
    } catch {
      request.reply(failure(error))
    }
  }

  func readlink(_ request: consuming FuseRequest, _ inode: UInt64) {
    do throws(TreeError) {
      request.reply(linkTarget: try tree.linkTarget(of: inode))
    } catch {
      request.reply(failure(error))
    }
  }

  /// Readdir, or readdirplus with attributes: the entries after `position`.
  func readdir(
    _ request: consuming FuseRequest, _ inode: UInt64, after position: UInt64, size: Int, withAttributes: Bool
  ) {
    request.replyEntries(size: size, withAttributes: withAttributes) { (reply) throws(TreeError) in
      do throws(TreeError) {
        try tree.forEachEntry(of: inode, after: position) { reply.append($0) }
      } catch {
        _ = failure(error)
        throw error
      }
    }
  }

  func open(_ request: consuming FuseRequest, _ inode: UInt64, _ file: UnsafeMutablePointer<fuse_file_info>) {
    do throws(TreeError) {
      let handle = Unmanaged.passRetained(OpenFile(try tree.open(inode)))
      if !request.reply(open: file, handle: UInt64(UInt(bitPattern: handle.toOpaque()))) { handle.release() }
    } catch {
      request.reply(failure(error))
    }
  }

  func read(_ request: consuming FuseRequest, _ handle: UInt64, at offset: Int64, size: Int) {
    guard let file = OpenFile.held(by: handle) else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, min(size, FuseOperations.maximumReadSize)), alignment: 16)
    defer { buffer.deallocate() }
    do throws(TreeError) {
      let count = try file.takeUnretainedValue().content.read(at: offset, into: buffer)
      request.reply(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    } catch {
      request.reply(failure(error))
    }
  }

  func release(_ request: consuming FuseRequest, _ handle: UInt64) {
    OpenFile.held(by: handle)?.release()
    request.replySuccess()
  }

  func listxattr(_ request: consuming FuseRequest, _ inode: UInt64, size: Int) {
    do throws(TreeError) {
      var list: [UInt8] = []
      for name in try tree.xattrNames(of: inode) { list += name + [0] }
      request.reply(attribute: list, size: size)
    } catch {
      request.reply(failure(error))
    }
  }

  func getxattr(_ request: consuming FuseRequest, _ inode: UInt64, _ name: UnsafeRawBufferPointer, size: Int) {
    do throws(TreeError) {
      request.reply(attribute: try tree.xattr(name, of: inode), size: size)
    } catch {
      request.reply(failure(error))
    }
  }

  func statfs(_ request: consuming FuseRequest) {
    var status = statvfs()
    status.f_bsize = 512
    status.f_frsize = 512
    status.f_namemax = 255
    request.reply(status)
  }

  private func failure(_ error: TreeError) -> TreeErrno {
    if case .ioFailed(let reason) = error { log(reason) }
    return TreeErrno(error)
  }
}

/// What a file handle of the kernel holds.
private final class OpenFile: Sendable {
  let content: any TreeContent

  init(_ content: any TreeContent) { self.content = content }

  static func held(by handle: UInt64) -> Unmanaged<OpenFile>? {
    UnsafeRawPointer(bitPattern: UInt(handle)).map { Unmanaged.fromOpaque($0) }
  }
}
