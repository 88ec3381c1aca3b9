import BorgSystem
import Glibc

/// The three pipes to a server, and the process at their other end.
final class Channel: Sendable {
  let requests: File
  let replies: File
  /// What the server and ssh have to say to people; nil: nothing.
  let messages: File?
  private let child: ChildProcess?

  /// How long an end may take, in milliseconds.
  struct Patience {
    /// For the server to end by itself, and again after it was asked to.
    var ending: Int
    /// For its next words; and, if there is a limit, for all of them.
    var silence: Int32
    var talk: Int32?

    /// A server has its locks to let go of, and says what it thinks of it (remote.md section 12).
    static let usual = Patience(ending: 10_000, silence: 30_000, talk: nil)
    /// There is nobody at the other end any more, or nobody who would listen.
    static let lost = Patience(ending: 1000, silence: 1000, talk: 2000)
  }

  private static let pipeSize: Int32 = 1 << 20

  init(requests: File, replies: File, messages: File? = nil, child: ChildProcess? = nil) {
    self.requests = requests
    self.replies = replies
    self.messages = messages
    self.child = child
  }

  /// Starts the server. Throws `SystemError` when the program is not there.
  convenience init(_ commandLine: [[UInt8]], environment: Environment) throws {
    let (input, output, errors) = (try Pipe(), try Pipe(), try Pipe())
    for pipe in [input, output] { _ = fcntl(pipe.writer.descriptor, Channel.setPipeSize, Channel.pipeSize) }
    let child = try ChildProcess(
      words: commandLine, environment: environment, standardInput: input.reader.descriptor,
      standardOutput: output.writer.descriptor, standardError: errors.writer.descriptor)
    try input.reader.close()
    try output.writer.close()
    try errors.writer.close()
    self.init(requests: input.writer, replies: output.reader, messages: errors.reader, child: child)
  }

  /// F_SETPIPE_SZ; a smaller pipe does as well.
  private static let setPipeSize: Int32 = 1031

  func makeNonBlocking() throws {
    for file in [requests, replies, messages].compactMap({ $0 }) {
      guard fcntl(file.descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw SystemError.last() }
    }
  }

  /// Ends the line: the server lets go of its lock at the end of its input. What it still says goes to `log`. Then it
  /// is waited for, and in the end killed.
  func close(_ patience: Patience = .usual, _ log: (UnsafeRawBufferPointer) -> Void) {
    try? requests.close()
    try? replies.close()
    drainMessages(patience, log)
    try? messages?.close()
    guard let child else { return }
    for signal in [SIGTERM, SIGKILL] {
      do {
        if try child.wait(milliseconds: patience.ending) != nil { return }
      } catch {
        // It is the child of a process that has forked us.
        return
      }
      kill(child.pid, signal)
    }
    _ = try? child.wait()
  }

  /// Lets go of the pipes alone: the process at the other end belongs to somebody else now.
  func abandon() {
    for file in [requests, replies, messages].compactMap({ $0 }) { try? file.close() }
  }

  /// Reads messages to their end, or as long as there is patience.
  func drainMessages(_ patience: Patience, _ log: (UnsafeRawBufferPointer) -> Void) {
    guard let messages, messages.descriptor >= 0 else { return }
    let end = patience.talk.map { Clock.system.monotonic() + Int64($0) * 1_000_000 }
    while true {
      let left = end.map { max(0, $0 - Clock.system.monotonic()) / 1_000_000 }
      if left == 0 { return }
      var poller = pollfd(fd: messages.descriptor, events: Int16(POLLIN), revents: 0)
      let ready = poll(&poller, 1, min(patience.silence, Int32(clamping: left ?? Int64(Int32.max))))
      if ready < 0, errno == EINTR { continue }
      guard ready > 0, Channel.read(messages, log) else { return }
    }
  }

  /// Reads once; false at the end of the stream. The buffer is no temporary one: threads have small stacks.
  static func read(_ file: File, capacity: Int = 32 << 10, _ body: (UnsafeRawBufferPointer) -> Void) -> Bool {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    defer { buffer.deallocate() }
    let count = Glibc.read(file.descriptor, buffer.baseAddress, buffer.count)
    if count > 0 { body(UnsafeRawBufferPointer(rebasing: buffer[..<count])) }
    return count > 0 || count < 0 && (errno == EAGAIN || errno == EINTR)
  }
}
