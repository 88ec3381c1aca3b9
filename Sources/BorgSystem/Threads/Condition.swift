import Glibc

/// A lock with a condition to wait for: what Synchronization's Mutex lacks. Guards state kept beside it.
public final class Condition: @unchecked Sendable {
  // Safe: both are only touched through pthread calls, which are made for many threads.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  public init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
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

  /// The same, for at most so long.
  public func wait(nanoseconds: Int64) {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let end = Int64(time.tv_nsec) + max(0, min(nanoseconds, 1 << 60)) % 1_000_000_000
    time.tv_sec += Int(max(0, min(nanoseconds, 1 << 60)) / 1_000_000_000 + end / 1_000_000_000)
    time.tv_nsec = Int(end % 1_000_000_000)
    pthread_cond_timedwait(condition, mutex, &time)
  }

  public func signal() {
    pthread_cond_signal(condition)
  }

  public func broadcast() {
    pthread_cond_broadcast(condition)
  }
}
