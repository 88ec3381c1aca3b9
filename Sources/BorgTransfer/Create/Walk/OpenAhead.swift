import BorgFormat
import BorgSystem
import CLinux
import Glibc

/// A file that was opened ahead of its turn, or only looked at, and what is known of it.
struct OpenedFile {
  /// What `descriptor` is when the file was only looked at: it is regular, has one name and no attributes.
  static let unopened = Int32.min

  /// Negative otherwise: the errno of the failed open.
  var descriptor: Int32
  var status: FileStatus?
  /// Whether the file has no extended attributes at all, ACLs included.
  var hasNoAttributes = false
}

/// Opens the files of a directory on a thread of its own, some ahead of the walker: most of what a walk over small
/// files costs is the kernel's work of opening, looking and closing.
///
/// Where most files are expected to be as the files cache knows them, it looks first: a file without attributes need not
/// be opened to be stored as it was. The names of attributes need a path, so the thread has a working directory of its own and goes to each
/// directory by its descriptor: nobody can lead it elsewhere.
///
/// The walker requests runs of entries and takes their files in the same order. It hands back descriptors that it is
/// done with. Whatever was requested must be taken or dropped before the directory's names go.
final class OpenAhead {
  /// Files opened by one request.
  static let runLength = 32
  /// Shorter runs are not worth the thread switch.
  static let minimumRun = 8

  private final class Request: @unchecked Sendable {
    // Safe: one thread at a time has it; the two queues order them. The names live until the walker has taken it.
    let directory: Int32
    let names: [UnsafePointer<CChar>]
    var closing: [Int32]
    var files: [OpenedFile] = []

    init(directory: Int32, names: [UnsafePointer<CChar>], closing: [Int32]) {
      self.directory = directory
      self.names = names
      self.closing = closing
    }

    func perform(looksFirst: Bool) {
      for descriptor in closing { close(descriptor) }
      closing = []
      files.reserveCapacity(names.count)
      let isThere = looksFirst && fchdir(directory) == 0
      for name in names {
        let looked = isThere ? OpenedFile(lookingAt: name, in: directory) : nil
        files.append(looked ?? OpenedFile(at: directory, name))
      }
    }
  }

  private let requests = BoundedQueue<Request>(capacity: 2)
  private let results = BoundedQueue<Request>(capacity: 2)
  private let thread: Worker
  private var pendingRequests = 0
  /// Files taken over from the thread, the next one last.
  private var ready: [OpenedFile] = []
  private var finished: [Int32] = []

  /// Nil without a thread to be had. `looksFirst`: most files are expected to be unchanged.
  init?(looksFirst: Bool) {
    let (requests, results) = (requests, results)
    guard
      let thread = try? Worker({
        let looksFirst = looksFirst && clinux_unshare_working_directory() == 0
        while let request = requests.pop() {
          request.perform(looksFirst: looksFirst)
          results.push(request)
        }
      })
    else { return nil }
    self.thread = thread
  }

  /// Ends the thread and closes what is open. Call once.
  func end() {
    drop()
    requests.close()
    thread.join()
    for descriptor in finished { close(descriptor) }
    finished = []
  }

  /// Whether another run may be requested without waiting.
  var hasRoom: Bool { pendingRequests < 2 }

  func request(_ names: [UnsafePointer<CChar>], in directory: Int32) {
    precondition(hasRoom)
    pendingRequests += 1
    requests.push(Request(directory: directory, names: names, closing: finished))
    finished.removeAll(keepingCapacity: true)
  }

  /// The next requested file.
  func take() -> OpenedFile {
    if ready.isEmpty {
      precondition(pendingRequests > 0, "a file is requested before it is taken")
      pendingRequests -= 1
      ready = results.pop()?.files.reversed() ?? []
    }
    guard let file = ready.popLast() else { preconditionFailure("a request has files") }
    return file
  }

  /// Closes a descriptor that `take` gave or that was opened instead, at leisure.
  func giveBack(_ descriptor: Int32) {
    finished.append(descriptor)
  }

  /// Closes all files that were requested and not taken.
  func drop() {
    while pendingRequests > 0 || !ready.isEmpty {
      let file = take()
      if file.descriptor >= 0 { close(file.descriptor) }
    }
  }
}

extension OpenedFile {
  var wasOnlyLookedAt: Bool { descriptor == Self.unopened }

  /// Nil when a look is not enough. `directory` is the thread's working directory. The status comes last: where it is
  /// the one that the files cache has, ctime included, the file was the same when its attributes were listed.
  fileprivate init?(lookingAt name: UnsafePointer<CChar>, in directory: Int32) {
    let length = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) {
      llistxattr(name, $0.baseAddress, $0.count)
    }
    guard length == 0, let status = FileStatus(lookingAt: name, in: directory), status.type == FileType.regular,
      status.linkCount == 1, status.flags != nil
    else { return nil }
    self.status = status
    descriptor = Self.unopened
    hasNoAttributes = true
  }

  fileprivate init(at directory: Int32, _ name: UnsafePointer<CChar>) {
    descriptor = openLiveDescriptor(directory, name, O_RDONLY | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      descriptor = -errno
      return
    }
    status = FileStatus(of: descriptor)
    hasNoAttributes = withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) {
      FileHandle.descriptor(descriptor).listAttributes(into: $0) == 0
    }
  }
}
