import BorgArchive
import BorgFormat
import BorgSystem

/// Threads that do ahead what will soon be asked for. They start with the first request, and end with `close`.
final class ReadAhead: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  private let condition = Condition()
  private let reader: ChunkReader
  private var waiting: [Work] = []
  private var first = 0
  private var workers: [Worker] = []
  private var isClosed = false
  private static let maximumWaiting = 1024

  private enum Work {
    case chunk(ChunkListEntry)
    case other(@Sendable () -> Void)
  }

  init(reader: ChunkReader) { self.reader = reader }

  /// Never waits: what is too much is not fetched ahead.
  func request(_ chunks: some Collection<ChunkListEntry>) {
    reader.announce(chunks)
    add(chunks.map { .chunk($0) })
  }

  /// Never waits. False when there is too much to do already.
  func perform(_ work: @escaping @Sendable () -> Void) -> Bool { add([.other(work)]) == 1 }

  /// Ends the threads, what waits is dropped; nothing can be asked for afterwards.
  func close() {
    let (workers, _) = condition.withLock {
      // What is dropped may hold the last reference to what is asked for here again.
      defer { (self.workers, waiting, first) = ([], [], 0) }
      isClosed = true
      condition.broadcast()
      return (self.workers, waiting)
    }
    for worker in workers { worker.join() }
  }

  /// How many were taken.
  @discardableResult
  private func add(_ works: [Work]) -> Int {
    condition.withLock {
      if isClosed { return 0 }
      let taken = works.prefix(max(0, ReadAhead.maximumWaiting - (waiting.count - first)))
      waiting.append(contentsOf: taken)
      startWorkers()
      if taken.count > 1 { condition.broadcast() } else { condition.signal() }
      return taken.count
    }
  }

  private func startWorkers() {
    guard workers.isEmpty else { return }
    for _ in 0..<availableProcessorCount() {
      guard let worker = try? Worker({ [self] in while let work = next() { perform(work) } }) else { return }
      workers.append(worker)
    }
  }

  /// Nil: the thread is to end.
  private func next() -> Work? {
    condition.withLock {
      while waiting.count == first, !isClosed { condition.wait() }
      if isClosed { return nil }
      let work = waiting[first]
      first += 1
      if first == waiting.count {
        waiting.removeAll(keepingCapacity: true)
        first = 0
      } else if first > ReadAhead.maximumWaiting {
        waiting.removeFirst(first)
        first = 0
      }
      return work
    }
  }

  private func perform(_ work: Work) {
    switch work {
    case .chunk(let chunk):
      // A chunk that cannot be had is reported to whoever reads it.
      _ = try? reader.chunk(chunk, isAhead: true)
    case .other(let body): body()
    }
  }
}
