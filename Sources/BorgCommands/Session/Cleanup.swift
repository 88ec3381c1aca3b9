import Synchronization

/// What must still be done when a signal ends the process: above all, letting go of locks.
final class Cleanup: Sendable {
  private let steps = Mutex<[@Sendable () -> Void]>([])

  /// `step` may be called from another thread, and after what it closes has been closed already.
  func add(_ step: @escaping @Sendable () -> Void) {
    steps.withLock { $0.append(step) }
  }

  /// Takes back the step that was added last: what it would undo is complete now.
  func discard() {
    steps.withLock { _ = $0.popLast() }
  }

  /// Runs the steps, the last one first, once.
  func run() {
    let pending = steps.withLock { steps in
      defer { steps = [] }
      return steps
    }
    for step in pending.reversed() { step() }
  }
}
