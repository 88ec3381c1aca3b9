/// A first-in, first-out queue between threads that blocks its writers when it is full and its readers when it is
/// empty. After `close`, writers are refused and readers drain what is left.
public final class BoundedQueue<Element: Sendable>: @unchecked Sendable {
  // Safe: all mutable state is touched under `condition`'s lock only.
  private let condition = Condition()
  private var elements: [Element?]
  private var head = 0
  private var count = 0
  private var isClosed = false
  private var waitingReaders = 0
  private var waitingWriters = 0

  public init(capacity: Int) {
    elements = Array(repeating: nil, count: max(1, capacity))
  }

  /// Waits for room. False when the queue is closed: the element was not taken.
  @discardableResult
  public func push(_ element: Element) -> Bool {
    condition.withLock {
      while count == elements.count, !isClosed {
        waitingWriters += 1
        condition.wait()
        waitingWriters -= 1
      }
      if isClosed { return false }
      elements[(head + count) % elements.count] = element
      count += 1
      if waitingReaders > 0 { condition.broadcast() }
      return true
    }
  }

  /// Waits for an element. Nil when the queue is closed and empty.
  public func pop() -> Element? {
    condition.withLock {
      while count == 0, !isClosed {
        waitingReaders += 1
        condition.wait()
        waitingReaders -= 1
      }
      guard count > 0 else { return nil }
      let element = elements[head]
      elements[head] = nil
      head = (head + 1) % elements.count
      count -= 1
      if waitingWriters > 0 { condition.broadcast() }
      return element
    }
  }

  public func close() {
    condition.withLock {
      isClosed = true
      condition.broadcast()
    }
  }
}
