import BorgSystem
import Glibc
import Synchronization

/// Standard output and standard error, buffered together: what is written to one is out before the other's next text,
/// so that a common file or terminal shows everything in its order. The only place that prints.
final class Console: Sendable {
  enum Stream: Sendable { case output, error }

  private struct State {
    var pending: [UInt8] = []
    var stream = Stream.output
    var lastFlush: Int64 = 0
    /// The reader of standard output has gone: everything for it is dropped.
    var isOutputClosed = false
    var failure: SystemError?
    /// A status line stands on the terminal.
    var showsStatus = false
    var lastStatus: Int64?
  }

  private static let capacity = 64 << 10
  /// After this time status lines appear in a file or pipe, in nanoseconds.
  private static let patience: Int64 = 200_000_000
  /// A status line is written anew after this time at the earliest, in nanoseconds.
  private static let statusInterval: Int64 = 100_000_000

  let output: Int32
  let error: Int32
  /// Columns of the terminal that standard error is; nil when it is none.
  let errorColumns: Int?
  private let isOutputTerminal: Bool
  /// To the first column, and nothing from there on.
  private let clearedLine: [UInt8]
  private let clock: Clock
  private let state = Mutex(State())

  init(output: Int32 = STDOUT_FILENO, error: Int32 = STDERR_FILENO, clock: Clock = .system) {
    self.output = output
    self.error = error
    self.clock = clock
    errorColumns = Terminal.columns(error)
    isOutputTerminal = isatty(output) == 1
    let isDumb = getenv("TERM").map { strcmp($0, "dumb") == 0 } ?? true
    let blanks = String(repeating: " ", count: max(0, (errorColumns ?? 1) - 1))
    clearedLine = Array((isDumb ? "\r\(blanks)\r" : "\r\u{1b}[K").utf8)
  }

  func write(_ text: String, to stream: Stream = .output) {
    write(Array(text.utf8), to: stream)
  }

  /// Appends to the stream. Text for a terminal's standard error appears at once.
  func write(_ bytes: [UInt8], to stream: Stream = .output) {
    state.withLock { state in
      if state.showsStatus, stream == .error || isOutputTerminal { clearStatus(&state) }
      if stream != state.stream {
        flush(&state)
        state.stream = stream
      }
      state.pending += bytes
      if state.pending.count >= Console.capacity || isDue(&state) { flush(&state) }
    }
  }

  /// Shows a line on a terminal's standard error in the place of the one that stands there; other texts take it away.
  /// `line` is only asked for when it is time to show something else.
  func showStatus(_ line: () -> String) {
    state.withLock { state in
      let now = clock.monotonic()
      if let last = state.lastStatus, now - last < Console.statusInterval { return }
      show(clearedLine + Array(line().utf8), &state)
      state.showsStatus = true
      state.lastStatus = now
    }
  }

  /// Takes the status line away.
  func clearStatus() {
    state.withLock { clearStatus(&$0) }
  }

  private func clearStatus(_ state: inout State) {
    guard state.showsStatus else { return }
    state.showsStatus = false
    show(clearedLine, &state)
  }

  private func show(_ bytes: [UInt8], _ state: inout State) {
    flush(&state)
    state.stream = .error
    state.pending += bytes
    flush(&state)
  }

  /// Writes out what is pending. Throws the first failure of standard output (a closed pipe is none).
  func flush() throws {
    let failure = state.withLock { state in
      clearStatus(&state)
      flush(&state)
      return state.failure
    }
    if let failure { throw failure }
  }

  private func isDue(_ state: inout State) -> Bool {
    guard state.stream == .error else { return false }
    return errorColumns != nil || clock.monotonic() - state.lastFlush > Console.patience
  }

  private func flush(_ state: inout State) {
    guard !state.pending.isEmpty else { return }
    state.lastFlush = clock.monotonic()
    defer { state.pending.removeAll(keepingCapacity: true) }
    if state.stream == .output, state.isOutputClosed { return }
    guard let code = write(state.pending, state.stream == .output ? output : error) else { return }
    guard state.stream == .output else { return }
    state.isOutputClosed = true
    if code != EPIPE { state.failure = SystemError(code: code) }
  }

  /// Nil, or the errno of the write that failed.
  private func write(_ bytes: [UInt8], _ descriptor: Int32) -> Int32? {
    bytes.withUnsafeBytes { buffer -> Int32? in
      var rest = buffer[...]
      while !rest.isEmpty {
        let part = UnsafeRawBufferPointer(rebasing: rest)
        let count = Glibc.write(descriptor, part.baseAddress, part.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&poller, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }
}
