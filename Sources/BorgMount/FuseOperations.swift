import BorgTree
import CFuse
import Glibc
import Synchronization

/// Kernel requests to tree calls: decodes, makes one call, replies. May be called from any thread.
final class FuseOperations: Sendable {
  private let tree: any FileTree
  /// Told when stored data could not be read.
  private let log: @Sendable (String) -> Void
  /// Whether the kernel understands that there is nothing to open.
  let sparesOpens = Atomic<Bool>(false)
  let sparesOpendirs = Atomic<Bool>(false)
  /// The bytes the mounted archives take where they are stored.
  private let storedBytes: @Sendable () -> Int64
  private let recentContents = Mutex(RecentContents())
  let filler: PageFiller
  private static let maximumReadSize = 1 << 20
  private static let maximumNameLength = 255
  /// SEEK_DATA and SEEK_HOLE.
  private static let extents: [Int32: ExtentKind] = [3: .data, 4: .hole]

  init(
    _ tree: any FileTree, filler: PageFiller, log: @escaping @Sendable (String) -> Void,
    storedBytes: @escaping @Sendable () -> Int64
  ) {
    self.tree = tree
    self.filler = filler
    self.log = log
    self.storedBytes = storedBytes
  }

  func lookup(_ request: consuming FuseRequest, _ name: UnsafeRawBufferPointer, in parent: UInt64) {
    do throws(TreeError) {
      request.reply(entry: try tree.lookup(name, in: parent))
    } catch .noSuchEntry where name.count <= FuseOperations.maximumNameLength {
      request.replyNoEntry()
    } catch {
      // New kernels ask for longer names, too.
      request.reply(name.count > FuseOperations.maximumNameLength ? .nameTooLong : failure(error))
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

  /// Directories have no handles: the kernel is told to spare the request from now on.
  func opendir(_ request: consuming FuseRequest, _ file: UnsafeMutablePointer<fuse_file_info>) {
    if sparesOpendirs.load(ordering: .relaxed) {
      request.reply(.notImplemented)
    } else {
      _ = request.reply(open: file, handle: 0)
    }
  }

  /// Where no open can fail, the kernel is told to spare the request from now on, and reads come without a handle.
  func open(_ request: consuming FuseRequest, _ inode: UInt64, _ file: UnsafeMutablePointer<fuse_file_info>) {
    if tree.opensEverything, sparesOpens.load(ordering: .relaxed) {
      request.reply(.notImplemented)
      return
    }
    do throws(TreeError) {
      let handle = Unmanaged.passRetained(OpenFile(try tree.open(inode)))
      if !request.reply(open: file, handle: UInt64(UInt(bitPattern: handle.toOpaque()))) { handle.release() }
    } catch {
      request.reply(failure(error))
    }
  }

  func read(_ request: consuming FuseRequest, _ inode: UInt64, _ handle: UInt64, at offset: Int64, size: Int) {
    do throws(TreeError) {
      request.reply(try content(inode, handle).bytes(at: offset, count: min(size, FuseOperations.maximumReadSize)))
    } catch {
      request.reply(failure(error))
    }
  }

  /// Finds data and holes; other origins the kernel minds itself.
  func lseek(_ request: consuming FuseRequest, _ inode: UInt64, _ handle: UInt64, from offset: Int64, whence: Int32) {
    guard let kind = FuseOperations.extents[whence] else {
      request.reply(.invalid)
      return
    }
    do throws(TreeError) {
      if let place = try content(inode, handle).next(kind, from: offset) {
        request.reply(position: place)
      } else {
        request.reply(.noSuchPosition)
      }
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

  /// A file system that is full of what the repository holds.
  func statfs(_ request: consuming FuseRequest) {
    var status = statvfs()
    status.f_bsize = 512
    status.f_frsize = 512
    status.f_blocks = (UInt(max(0, storedBytes())) + 511) / 512
    status.f_files = UInt(tree.statistics.nodes)
    status.f_namemax = UInt(FuseOperations.maximumNameLength)
    request.reply(status)
  }

  private func content(_ inode: UInt64, _ handle: UInt64) throws(TreeError) -> any TreeContent {
    if let file = OpenFile.held(by: handle)?.takeUnretainedValue() {
      if !file.wasRead.exchange(true, ordering: .relaxed) { filler.noteReading(inode) }
      return file.content
    }
    if let known = recentContents.withLock({ $0.content(inode) }) { return known }
    let content = try tree.open(inode)
    recentContents.withLock { $0.keep(content, inode) }
    filler.noteReading(inode)
    return content
  }

  private func failure(_ error: TreeError) -> TreeErrno {
    if case .ioFailed(let reason) = error { log(reason) }
    return TreeErrno(error)
  }
}

/// The contents of files that were read without a handle, the last few of them.
private struct RecentContents: Sendable {
  private static let maximumCount = 64
  private var contents: [UInt64: any TreeContent] = [:]
  /// In the order in which they came.
  private var inodes: [UInt64] = []
  private var next = 0

  func content(_ inode: UInt64) -> (any TreeContent)? { contents[inode] }

  mutating func keep(_ content: any TreeContent, _ inode: UInt64) {
    guard contents.updateValue(content, forKey: inode) == nil else { return }
    if inodes.count < RecentContents.maximumCount {
      inodes.append(inode)
      return
    }
    contents[inodes[next]] = nil
    inodes[next] = inode
    next = (next + 1) % RecentContents.maximumCount
  }
}

/// What a file handle of the kernel holds.
private final class OpenFile: Sendable {
  let content: any TreeContent
  let wasRead = Atomic<Bool>(false)

  init(_ content: any TreeContent) { self.content = content }

  static func held(by handle: UInt64) -> Unmanaged<OpenFile>? {
    UnsafeRawPointer(bitPattern: UInt(handle)).map { Unmanaged.fromOpaque($0) }
  }
}
