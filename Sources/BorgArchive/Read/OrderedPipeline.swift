import BorgObjects
import BorgSystem

/// Many inputs in, their outputs out in the same order, made by worker threads that run ahead within a bound of bytes.
///
/// Workers take batches of inputs, so that a tiny one does not cost a thread switch. They start only when there is
/// enough to do; the consumer makes the next output itself when nobody has begun it. One thread requests and consumes.
final class OrderedPipeline<Input: Sendable, Output: Sendable> {
  typealias Transform = @Sendable (Input, CodecWorkspace) throws -> Output

  private let core: OrderedPipelineCore<Input, Output>
  private let maximumThreads: Int
  private let workspace = CodecWorkspace()
  private var workers: [Worker] = []
  private var announcer: Announcer<Input>?
  /// Outputs fetched under one lock, last first.
  private var fetched: [Result<Output, any Error>] = []
  private(set) var pendingCount = 0

  /// `cost` of an output is its length in bytes, as far as known. `announcing`: the inputs' objects are announced to
  /// their repository.
  init(
    threads: Int?, maximumBytesAhead: Int, announcing announcer: Announcer<Input>? = nil,
    cost: @escaping @Sendable (Output) -> Int, _ transform: @escaping Transform
  ) {
    self.announcer = announcer
    core = OrderedPipelineCore(maximumBytesAhead: maximumBytesAhead, cost: cost, transform: transform)
    maximumThreads = max(0, threads ?? availableProcessorCount())
  }

  deinit { close() }

  /// Enqueues inputs with the bytes that each is expected to take; never blocks.
  func request(_ inputs: some Collection<(input: Input, expectedCost: Int)>) {
    guard !inputs.isEmpty else { return }
    pendingCount += inputs.count
    announcer?.add(inputs)
    let wanted = core.enqueue(inputs)
    for _ in 0..<min(wanted, maximumThreads - workers.count) { startWorker() }
  }

  /// The next output; what its transform threw is thrown at its turn. Must not be called with nothing pending.
  func next() throws -> Output {
    precondition(pendingCount > 0, "nothing was requested")
    if fetched.isEmpty { fetched = core.fetch(workspace) }
    announcer?.advance()
    pendingCount -= 1
    guard let result = fetched.popLast() else { preconditionFailure("a fetch gives at least one output") }
    return try result.get()
  }

  /// Ends the threads; what is pending is dropped.
  func close() {
    core.close()
    for worker in workers { worker.join() }
    workers = []
    fetched = []
    pendingCount = 0
    announcer?.clear()
  }

  /// Without a thread to be had the consumer does all the work.
  private func startWorker() {
    let core = core
    if let worker = try? Worker({ core.work() }) { workers.append(worker) }
  }
}

/// What consumer and workers share.
private final class OrderedPipelineCore<Input: Sendable, Output: Sendable>: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  private let condition = Condition()
  private let maximumBytesAhead: Int
  private let cost: @Sendable (Output) -> Int
  private let transform: OrderedPipeline<Input, Output>.Transform

  private enum Slot {
    case waiting(Input)
    case taken
    case done(Result<Output, any Error>)
  }

  /// From the next output to be handed out on; `head` slots at the front are used up.
  private var slots: [Slot] = []
  private var costs: [Int] = []
  private var head = 0
  /// The first slot that nobody has taken.
  private var firstWaiting = 0
  private var waitingBytes = 0
  /// How many slots at the front of `slots` were cut off so far.
  private var cutOff = 0
  /// Bytes of the slots that are taken or done, and of what the consumer fetched last.
  private var bytesAhead = 0
  private var fetchedBytes = 0
  private var idleWorkers = 0
  private var isConsumerWaiting = false
  private var isClosed = false

  private static var maximumBatchCount: Int { 32 }
  private static var maximumBatchBytes: Int { 256 << 10 }
  /// So much work must wait before it is worth waking a thread.
  private static var wakeCount: Int { 4 }
  private static var wakeBytes: Int { 64 << 10 }

  init(
    maximumBytesAhead: Int, cost: @escaping @Sendable (Output) -> Int,
    transform: @escaping OrderedPipeline<Input, Output>.Transform
  ) {
    self.maximumBytesAhead = maximumBytesAhead
    self.cost = cost
    self.transform = transform
  }

  /// How many more workers would help.
  func enqueue(_ inputs: some Collection<(input: Input, expectedCost: Int)>) -> Int {
    condition.withLock {
      for entry in inputs {
        slots.append(.waiting(entry.input))
        costs.append(max(0, entry.expectedCost))
        waitingBytes += max(0, entry.expectedCost)
      }
      let waitingCount = slots.count - firstWaiting
      guard waitingCount >= Self.wakeCount || waitingBytes >= Self.wakeBytes, hasRoom else { return 0 }
      guard idleWorkers == 0 else {
        condition.broadcast()
        return 0
      }
      return max(1, waitingCount / Self.maximumBatchCount, waitingBytes / Self.maximumBatchBytes)
    }
  }

  /// Whether the first waiting slot may be taken; the next one to be handed out always may.
  private var hasRoom: Bool { firstWaiting == head || bytesAhead < maximumBytesAhead }

  /// Takes the next batch, empty when there is nothing to take.
  private func takeBatch() -> (first: Int, inputs: [Input]) {
    let first = firstWaiting
    var inputs: [Input] = []
    var bytes = 0
    while firstWaiting < slots.count, inputs.count < Self.maximumBatchCount, bytes < Self.maximumBatchBytes, hasRoom {
      guard case .waiting(let input) = slots[firstWaiting] else { preconditionFailure("slots are taken in order") }
      inputs.append(input)
      slots[firstWaiting] = .taken
      bytes += costs[firstWaiting]
      bytesAhead += costs[firstWaiting]
      waitingBytes -= costs[firstWaiting]
      firstWaiting += 1
    }
    return (first + cutOff, inputs)
  }

  private func finish(_ results: [Result<Output, any Error>], at first: Int) {
    for (number, result) in results.enumerated() {
      let index = first + number - cutOff
      slots[index] = .done(result)
      let actual = if case .success(let output) = result { cost(output) } else { 0 }
      bytesAhead += actual - costs[index]
      costs[index] = actual
    }
    if isConsumerWaiting, isHeadDone { condition.broadcast() }
  }

  private var isHeadDone: Bool {
    guard head < slots.count, case .done = slots[head] else { return false }
    return true
  }

  /// A worker's life: batch after batch until the pipeline is closed.
  func work() {
    let workspace = CodecWorkspace()
    while true {
      let batch = condition.withLock { () -> (first: Int, inputs: [Input]) in
        while !isClosed, firstWaiting == slots.count || !hasRoom {
          idleWorkers += 1
          condition.wait()
          idleWorkers -= 1
        }
        return isClosed ? (0, []) : takeBatch()
      }
      guard !batch.inputs.isEmpty else { return }
      let results = perform(batch.inputs, workspace)
      condition.withLock { if !isClosed { finish(results, at: batch.first) } }
    }
  }

  private func perform(_ inputs: [Input], _ workspace: CodecWorkspace) -> [Result<Output, any Error>] {
    inputs.map { input in Result { try transform(input, workspace) } }
  }

  /// Outputs that are ready in a row, at least one, last first. Makes them itself when nobody has begun.
  func fetch(_ workspace: CodecWorkspace) -> [Result<Output, any Error>] {
    while true {
      let batch = condition.withLock { () -> (first: Int, inputs: [Input])? in
        releaseFetched()
        while !isHeadDone, firstWaiting != head {
          isConsumerWaiting = true
          condition.wait()
          isConsumerWaiting = false
        }
        return isHeadDone ? nil : takeBatch()
      }
      if let batch {
        let results = perform(batch.inputs, workspace)
        condition.withLock { finish(results, at: batch.first) }
      }
      let done = condition.withLock { takeDone() }
      if !done.isEmpty { return done }
    }
  }

  /// What was fetched before has been consumed by now; its bytes make room for workers that wait for it.
  private func releaseFetched() {
    let wasFull = !hasRoom
    bytesAhead -= fetchedBytes
    fetchedBytes = 0
    if wasFull, hasRoom, idleWorkers > 0, firstWaiting < slots.count { condition.broadcast() }
  }

  /// No more than a quarter of the bound at once, so that workers go on while the consumer consumes.
  private func takeDone() -> [Result<Output, any Error>] {
    var results: [Result<Output, any Error>] = []
    while fetchedBytes <= maximumBytesAhead / 4, head < slots.count, case .done(let result) = slots[head] {
      results.append(result)
      fetchedBytes += costs[head]
      slots[head] = .taken
      head += 1
    }
    if head > 1024, head > slots.count / 2 { cutOffUsed() }
    results.reverse()
    return results
  }

  private func cutOffUsed() {
    slots.removeFirst(head)
    costs.removeFirst(head)
    firstWaiting -= head
    cutOff += head
    head = 0
  }

  func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }
}
