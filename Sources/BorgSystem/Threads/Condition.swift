import Glibc

/// A lock with a condition to wait for: what Synchronization's Mutex lacks. Guards state kept beside it.
public final class Condition: @unchecked Sendable {
  // Safe: both are only touched through pthread calls, which are made for many threads.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  public init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  public func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Only while holding the lock: lets go of it, waits for a signal, and takes it again.
  public func wait() {
    pthread_cond_wait(condition, mutex)
  }

  public func signal() {
    pthread_cond_signal(condition)
  }

  public func broadcast() {
    pthread_cond_broadcast(condition)
  }
}
