import BorgFormat
import BorgSystem
import Glibc

/// Reads and decodes requests on a thread of its own, so that the next ones are there when one has been performed.
/// What it keeps ready is bounded; a client that sends more waits.
final class RequestReader: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  private let condition = Condition()
  private var ready: [ReceivedRequest] = []
  private var readyByteCount = 0
  private var end: Result<Void, any Error>?
  private var isStopping = false
  private var thread: Worker?
  /// Readable when the thread is to end.
  private let wake: Pipe

  /// A frame is counted after it was taken in: at most one of `FrameBuffer.maximumBytes` comes on top.
  private static let maximumReadyBytes = 16 << 20
  private static let pieceSize = 256 << 10

  /// `stop` ends what begins here.
  init(_ input: File) throws {
    wake = try Pipe()
    thread = try Worker { [self] in
      let result = Result { try read(input) }
      condition.withLock {
        end = result
        condition.broadcast()
      }
    }
  }

  /// All requests that are ready, at least one: waits for it. Empty: the client has closed the connection. Throws
  /// `ServingError.unexpectedData` or `SystemError`, after everything that came before has been handed out.
  func next() throws -> [ReceivedRequest] {
    try condition.withLock { () throws -> [ReceivedRequest] in
      while ready.isEmpty {
        if let end {
          try end.get()
          return []
        }
        condition.wait()
      }
      defer {
        ready = []
        readyByteCount = 0
        condition.broadcast()
      }
      return ready
    }
  }

  /// Ends the thread; what is ready is dropped. Once, by whoever has called `next`.
  func stop() {
    condition.withLock {
      isStopping = true
      condition.broadcast()
    }
    try? wake.writer.write([0])
    thread?.join()
    thread = nil
  }

  private func read(_ input: File) throws {
    var decoder = RequestDecoder()
    var piece = [UInt8](repeating: 0, count: RequestReader.pieceSize)
    while true {
      let count = try piece.withUnsafeMutableBytes { try readSome(input, into: $0) }
      if count == 0 { return }
      decoder.append(piece[..<count])
      while let request = try decoder.next() { guard push(request) else { return } }
    }
  }

  /// False when the thread is to end.
  private func push(_ request: ReceivedRequest) -> Bool {
    condition.withLock {
      while readyByteCount >= RequestReader.maximumReadyBytes, !isStopping { condition.wait() }
      if isStopping { return false }
      if ready.isEmpty { condition.broadcast() }
      ready.append(request)
      readyByteCount += request.byteCount
      return true
    }
  }

  /// 0: the stream has ended, or the thread is to end.
  private func readSome(_ input: File, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    while true {
      var pollers = [
        pollfd(fd: input.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wake.reader.descriptor, events: Int16(POLLIN), revents: 0),
      ]
      guard poll(&pollers, 2, -1) > 0 || errno == EINTR else { throw SystemError.last(input.path) }
      if pollers[1].revents != 0 { return 0 }
      guard pollers[0].revents != 0 else { continue }
      let count = Glibc.read(input.descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      if errno != EINTR, errno != EAGAIN { throw SystemError.last(input.path) }
    }
  }
}
