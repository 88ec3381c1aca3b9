import BorgSystem
import BorgTree
import CFuse
import Glibc
import Synchronization

/// A mounted tree. `mount` makes the mount point live: the kernel holds requests until `serve` answers them, so a
/// process may fork in between. Threads start in `serve` only.
public final class FuseSession: @unchecked Sendable {
  // Safe: libfuse's session may be told to exit from any thread; the rest is called by the owner alone.
  private let session: OpaquePointer
  private let operations: FuseOperations
  private let hasEnded = Atomic<Bool>(false)

  /// More than the kernel's reading ahead can occupy, so that a listing finds a thread whatever is being fetched.
  private static let maximumThreads: UInt32 = 128

  /// `options` go to libfuse, one `-o` each; `storedBytes` is what statfs tells. Throws `MountError.mountFailed`, after libfuse has said why.
  public init(
    _ tree: any FileTree, options: [String], log: @escaping @Sendable (String) -> Void = { _ in },
    storedBytes: @escaping @Sendable () -> Int64 = { 0 }
  ) throws(MountError) {
    let pages = KernelPages()
    operations = FuseOperations(
      tree, filler: PageFiller(tree, store: pages.store), log: log, storedBytes: storedBytes)
    var table = FuseOperations.table
    let arguments = ["borgfs"] + options.flatMap { ["-o", $0] }
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    let context = Unmanaged.passUnretained(operations).toOpaque()
    guard let session = cfuse_session_new(Int32(pointers.count), &pointers, &table, context) else {
      throw .mountFailed
    }
    self.session = session
    pages.belong(to: session)
  }

  deinit { fuse_session_destroy(session) }

  /// Throws `MountError.mountFailed`, after libfuse has said why.
  public func mount(at mountPoint: [UInt8]) throws(MountError) {
    let path = mountPoint.map { CChar(bitPattern: $0) } + [0]
    guard fuse_session_mount(session, path) == 0 else { throw .mountFailed }
  }

  /// Answers requests until the file system is unmounted or `end` is called.
  public func serve() {
    _ = cfuse_session_serve(session, FuseSession.maximumThreads, 1)
    hasEnded.store(true, ordering: .sequentiallyConsistent)
  }

  /// Takes the mount point away; nothing happens when that has been done from outside.
  public func unmount() { fuse_session_unmount(session) }

  /// Makes `serve`, which runs in `thread`, return. The mount point stays behind, dead once the session is gone.
  func end(servingIn thread: pthread_t) {
    operations.filler.close()
    fuse_session_exit(session)
    while !hasEnded.load(ordering: .sequentiallyConsistent) {
      pthread_kill(thread, MountSignals.wakeUp)
      usleep(10_000)
    }
  }
}

/// The kernel's pages of a session's files.
private final class KernelPages: @unchecked Sendable {
  // Safe: the session is set before there are requests and outlives them; libfuse takes notices from any thread.
  private var session: OpaquePointer?

  func belong(to session: OpaquePointer) { self.session = session }

  /// Stores all of a file's bytes. False: the kernel knows no such file at present.
  func store(_ pieces: [ArraySlice<UInt8>], in inode: UInt64) -> Bool {
    guard let session else { return false }
    let bytes = pieces.count == 1 ? pieces[0] : Array(pieces.joined())[...]
    return bytes.withUnsafeBytes { cfuse_store(session, inode, $0.baseAddress, $0.count) == 0 }
  }
}
