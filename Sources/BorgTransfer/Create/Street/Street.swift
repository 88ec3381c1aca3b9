import BorgSystem

/// The queues of one create run: from the walker to the workers, and in walk order to the collector. Whoever fails
/// closes the street; the first error counts, and everybody who waits is let go.
final class Street: @unchecked Sendable {
  // Safe: mutable state is touched under `condition`'s lock; queues and pool guard themselves.
  let arenas: ArenaPool
  private let work = BoundedQueue<Batch>(capacity: 64)
  private let ordered = BoundedQueue<Batch>(capacity: 256)
  private let condition = Condition()
  private let maximumBytes: Int
  private var bytesUnderway = 0
  private var failure: (any Error)?
  private var isStopped = false

  /// Thrown to a thread whose work is no longer wanted.
  struct Closed: Error {}

  /// `arenaSize`: at least twice the largest chunk. `maximumBytes`: plain bytes between walker and collector.
  init(arenaSize: Int, maximumBytes: Int = 96 << 20) {
    self.maximumBytes = maximumBytes
    arenas = ArenaPool(arenaSize: arenaSize, count: max(3, maximumBytes / arenaSize))
  }

  var error: (any Error)? { condition.withLock { failure } }

  /// Whether the collector wants nothing more: an interruption's checkpoint is written.
  var isDone: Bool { condition.withLock { isStopped } }
  func stop() { condition.withLock { isStopped = true } }

  /// The walker's end of the queues.
  func submit(_ batch: Batch) throws {
    try condition.withLock {
      while bytesUnderway > 0, bytesUnderway + batch.byteCount > maximumBytes, failure == nil { condition.wait() }
      if failure != nil { throw Closed() }
      bytesUnderway += batch.byteCount
      batch.isReady = !batch.needsWorker
    }
    guard !batch.needsWorker || work.push(batch), ordered.push(batch) else { throw Closed() }
  }

  /// No more batches come.
  func finish() {
    work.close()
    ordered.close()
  }

  /// A worker's next batch, nil at the end.
  func nextForWorker() -> Batch? { work.pop() }

  func markReady(_ batch: Batch) {
    condition.withLock {
      batch.isReady = true
      condition.broadcast()
    }
  }

  /// The collector's next batch, when its worker is done with it; nil at the end or after a failure.
  func nextForCollector() -> Batch? {
    guard let batch = ordered.pop() else { return nil }
    return condition.withLock {
      while !batch.isReady, failure == nil { condition.wait() }
      return failure == nil ? batch : nil
    }
  }

  /// The collector is done with a batch.
  func release(_ batch: Batch) {
    condition.withLock {
      bytesUnderway -= batch.byteCount
      condition.broadcast()
    }
  }

  func fail(_ error: any Error) {
    condition.withLock {
      if failure == nil { failure = error }
      condition.broadcast()
    }
    finish()
    arenas.close()
  }
}
