import BorgSystem

/// Writes records to files from a thread of its own, which there is only while there is something to write. What cannot be
/// written is dropped, and after an error of the disk everything. Thread-safe.
final class RecordWriter: @unchecked Sendable {
  // Unchecked: the state is only touched under `condition`'s lock.
  private let condition = Condition()
  private let bound: IndexBound
  private let monitor: any Monitor
  private var jobs: [(byteCount: Int, job: Job)] = []
  private var waitingBytes = 0
  private var worker: Worker?
  private var isRunning = false
  private var isSuspended = false
  private var isBroken = false
  private var writtenBytes = 0

  /// Makes a file's path and contents.
  typealias Job = @Sendable () -> (path: [UInt8], bytes: [UInt8])?

  /// Whoever adds more waits.
  private static let maximumWaitingBytes = 4 << 20

  init(_ bound: IndexBound, monitor: any Monitor) {
    self.bound = bound
    self.monitor = monitor
    writtenBytes = bound.maximumBytes
  }

  func add(byteCount: Int, _ job: @escaping Job) {
    condition.withLock {
      while waitingBytes > RecordWriter.maximumWaitingBytes, isRunning, !isBroken { condition.wait() }
      guard !isBroken else { return }
      jobs.append((byteCount, job))
      waitingBytes += byteCount
      startWorker()
    }
  }

  func finish() {
    condition.withLock {
      startWorker()
      while isRunning { condition.wait() }
    }
    joinWorker()
  }

  /// Ends the thread after the file it writes.
  func suspend() {
    condition.withLock {
      isSuspended = true
      while isRunning { condition.wait() }
    }
    joinWorker()
  }

  func resume() {
    condition.withLock {
      isSuspended = false
      startWorker()
    }
  }

  private func joinWorker() {
    let ended = condition.withLock { () -> Worker? in
      if isRunning { return nil }
      defer { worker = nil }
      return worker
    }
    ended?.join()
  }

  /// Under the lock.
  private func startWorker() {
    guard !isRunning, !isSuspended, !jobs.isEmpty else { return }
    // It has ended, or is about to.
    worker?.join()
    worker = try? Worker { [self] in work() }
    isRunning = worker != nil
    if !isRunning { drop() }
  }

  private func work() {
    while let job = next() {
      guard let (path, bytes) = job() else { continue }
      do { try write(bytes, to: path) } catch {
        monitor.debug("The metadata index is not kept: \(error)", logger: "borg.cache")
        condition.withLock {
          isBroken = true
          drop()
        }
      }
    }
  }

  private func next() -> Job? {
    condition.withLock {
      guard !jobs.isEmpty, !isSuspended else {
        isRunning = false
        condition.broadcast()
        return nil
      }
      let (byteCount, job) = jobs.removeFirst()
      waitingBytes -= byteCount
      condition.broadcast()
      return job
    }
  }

  /// Under the lock.
  private func drop() {
    jobs = []
    waitingBytes = 0
    condition.broadcast()
  }

  private func write(_ bytes: [UInt8], to path: [UInt8]) throws {
    writtenBytes += bytes.count
    if bound.isDue(after: writtenBytes) {
      bound.enforce()
      writtenBytes = 0
    }
    try Files.replace(path, with: bytes, mode: 0o600, isDurable: false)
  }
}
