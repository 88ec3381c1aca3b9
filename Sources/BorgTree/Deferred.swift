import Glibc
import Synchronization

/// What is made when it is first asked for: once, however many ask. Of what cannot be made all are told the reason for some
/// seconds; then it is tried again. Thread-safe.
final class Deferred<Value: AnyObject & Sendable>: Sendable {
  private let made = AtomicLazyReference<Value>()
  private let make: @Sendable () throws(TreeError) -> Value
  private let secondsToRetry: Int
  /// Held while making.
  private let failure = Mutex<Failure?>(nil)

  private struct Failure {
    var error: TreeError
    var time: Int
  }

  /// What was missing may come back, but it is not looked for with every call.
  static var usualSecondsToRetry: Int { 5 }

  init(
    secondsToRetry: Int = Deferred.usualSecondsToRetry, _ make: @escaping @Sendable () throws(TreeError) -> Value
  ) {
    self.secondsToRetry = secondsToRetry
    self.make = make
  }

  /// Nil: it is not made yet. Never waits.
  var known: Value? { made.load() }

  func value() throws(TreeError) -> Value {
    if let value = made.load() { return value }
    return try failure.withLock { (failure) throws(TreeError) in
      if let value = made.load() { return value }
      if let failure, secondsSinceBoot() - failure.time < secondsToRetry { throw failure.error }
      do throws(TreeError) { return made.storeIfNil(try make()) } catch {
        failure = Failure(error: error, time: secondsSinceBoot())
        throw error
      }
    }
  }
}

func secondsSinceBoot() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec
}
