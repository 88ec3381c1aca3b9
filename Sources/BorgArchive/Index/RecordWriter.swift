import BorgSystem

/// Writes records to files from a thread of its own, which there is only while there is something to write. What cannot be
/// written is dropped, and after an error of the disk everything. Thread-safe.
final class RecordWriter: @unchecked Sendable {
  // Unchecked: the state is only touched under `condition`'s lock, `writtenBytes` by the one worker there is at a time.
  private let condition = Condition()
  let bound: IndexBound
  private let monitor: any Monitor
  private var jobs: [Job] = []
  private var jobCount = 0
  /// What waits to be written or is being written, by path, with the last job for it.
  private var waiting: [[UInt8]: (record: [UInt8], number: Int)] = [:]
  private var waitingBytes = 0
  private var worker: Worker?
  private var isRunning = false
  private var isSuspended = false
  private var isBroken = false
  private var writtenBytes = 0

  private struct Job {
    var number: Int
    var path: [UInt8]
    var byteCount: Int
    var seal: Sealing
  }

  /// Makes a file of a record; nil: that cannot be done.
  typealias Sealing = @Sendable (_ record: [UInt8]) -> [UInt8]?

  /// Whoever adds more waits.
  private static let maximumWaitingBytes = 4 << 20

  init(_ bound: IndexBound, monitor: any Monitor) {
    self.bound = bound
    self.monitor = monitor
    writtenBytes = bound.maximumBytes
  }

  /// Has `seal` make the file at a path of a record.
  func add(_ record: [UInt8], at path: [UInt8], _ seal: @escaping Sealing) {
    condition.withLock {
      while waitingBytes > RecordWriter.maximumWaitingBytes, isRunning, !isBroken { condition.wait() }
      guard !isBroken else { return }
      jobCount += 1
      jobs.append(Job(number: jobCount, path: path, byteCount: record.count, seal: seal))
      waiting[path] = (record, jobCount)
      waitingBytes += record.count
      startWorker()
    }
  }

  /// The record that is still to be written to a path.
  func record(at path: [UInt8]) -> [UInt8]? { condition.withLock { waiting[path]?.record } }

  /// Whether what is added is written.
  var isWriting: Bool { condition.withLock { !isBroken } }

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
    while let (job, record) = next() {
      do {
        if let record, let bytes = job.seal(record) { try write(bytes, to: job.path) }
        condition.withLock { if waiting[job.path]?.number == job.number { waiting[job.path] = nil } }
      } catch {
        monitor.debug("The metadata index is not kept: \(error)", logger: "borg.cache")
        condition.withLock {
          isBroken = true
          drop()
        }
      }
    }
  }

  private func next() -> (Job, [UInt8]?)? {
    condition.withLock {
      guard !jobs.isEmpty, !isSuspended else {
        isRunning = false
        condition.broadcast()
        return nil
      }
      let job = jobs.removeFirst()
      waitingBytes -= job.byteCount
      condition.broadcast()
      return (job, waiting[job.path]?.record)
    }
  }

  /// Under the lock.
  private func drop() {
    jobs = []
    waiting = [:]
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
