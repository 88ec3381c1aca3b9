import BorgSystem
import Glibc

/// What the two threads of a connection do.
extension Connection {
  private static let readSize = 1 << 20
  /// How long the reading thread may take for a server's last words. Nanoseconds.
  private static let lastWordsPatience: Int64 = 3_000_000_000

  // MARK: Reading

  func readReplies() {
    var hasMessages = channel.messages != nil
    while true {
      var pollers = [
        pollfd(fd: channel.replies.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: wake.reader.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: hasMessages ? channel.messages?.descriptor ?? -1 : -1, events: Int16(POLLIN), revents: 0),
      ]
      let ready = poll(&pollers, 3, silenceLimit == nil ? -1 : 1000)
      if ready < 0, errno == EINTR { continue }
      if condition.withLock({ isStopping }) { return }
      if hasMessages, pollers[2].revents != 0, let messages = channel.messages {
        hasMessages = Channel.read(messages) { log.receive($0) }
      }
      if pollers[0].revents != 0, !readSome() { return }
      if isSilentForTooLong { return fail(RemoteError.connectionClosed) }
    }
  }

  /// False when there is nothing more to be had.
  private func readSome() -> Bool {
    var problem: (any Error)?
    let goesOn = Channel.read(channel.replies, capacity: Connection.readSize) { bytes in
      do {
        decoder.append(bytes)
        var replies: [Reply] = []
        while let reply = try decoder.next() { replies.append(reply) }
        deliver(replies, byteCount: bytes.count)
      } catch {
        problem = error
      }
    }
    if goesOn, problem == nil { return true }
    channel.drainMessages(.lost) { log.receive($0) }
    log.finishLine()
    fail(problem ?? RemoteError.connectionClosed)
    return false
  }

  private var isSilentForTooLong: Bool {
    guard let silenceLimit else { return false }
    return condition.withLock { !ledger.isEmpty && clock.monotonic() - lastSign > silenceLimit }
  }

  // MARK: Writing

  func writeRequests() {
    while let (frame, offset) = nextFrame() {
      guard let count = writeOutside(frame, from: offset) else { return }
      condition.withLock {
        outgoing.removeFirst(count)
        outgoing.isBusy = false
        if waitingThreads > 0 { condition.broadcast() }
      }
    }
  }

  /// Waits for something to write; nil: the thread is to end.
  private func nextFrame() -> (frame: [UInt8], offset: Int)? {
    condition.withLock {
      while !isStopping, failure == nil, outgoing.isEmpty { condition.wait() }
      guard !isStopping, failure == nil else { return nil }
      outgoing.isBusy = true
      return outgoing.next
    }
  }

  /// Writes as much as the pipe and the rate limit allow; nil: the thread is to end.
  private func writeOutside(_ frame: [UInt8], from offset: Int) -> Int? {
    while true {
      guard let allowance = waitForAllowance() else { return nil }
      let count = frame.withUnsafeBytes { bytes in
        Glibc.write(
          channel.requests.descriptor, bytes.baseAddress.map { $0 + offset }, min(bytes.count - offset, allowance))
      }
      if count > 0 {
        condition.withLock { limiter.sent(count) }
        return count
      }
      guard count < 0, errno == EAGAIN || errno == EINTR else {
        failWriting()
        return nil
      }
      guard waitUntilStopped(forRoom: true, milliseconds: -1) else { return nil }
    }
  }

  private func waitForAllowance() -> Int? {
    while true {
      let (allowance, delay) = condition.withLock { () -> (Int, Int64) in
        let time = clock.monotonic()
        return (limiter.allowance(at: time), limiter.nanosecondsToWait(at: time))
      }
      if allowance > 0 { return allowance }
      guard waitUntilStopped(forRoom: false, milliseconds: Int32(clamping: delay / 1_000_000 + 1)) else { return nil }
    }
  }

  /// False when the thread is to end.
  private func waitUntilStopped(forRoom: Bool, milliseconds: Int32) -> Bool {
    var pollers = [
      pollfd(fd: wake.reader.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: forRoom ? channel.requests.descriptor : -1, events: Int16(POLLOUT), revents: 0),
    ]
    _ = poll(&pollers, 2, milliseconds)
    let isToEnd = condition.withLock { isStopping || failure != nil }
    if isToEnd { condition.withLock { outgoing.isBusy = false } }
    return !isToEnd
  }

  /// The reading thread sees the end as well, and the server's last words before it: it goes first.
  private func failWriting() {
    condition.withLock {
      outgoing.isBusy = false
      let deadline = clock.monotonic() + Connection.lastWordsPatience
      while failure == nil, !isStopping, case let left = deadline - clock.monotonic(), left > 0 {
        condition.wait(nanoseconds: left)
      }
    }
    fail(RemoteError.connectionBroken)
  }

  // MARK: Writing at once

  /// With the lock held: writes what the pipe takes now.
  func writeSome(limit: Int) {
    while !outgoing.isEmpty {
      let count = outgoing.withNext(limit: limit) { bytes in
        Glibc.write(channel.requests.descriptor, bytes.baseAddress, bytes.count)
      }
      guard let count, count > 0 else { return }
      outgoing.removeFirst(count)
    }
  }
}
