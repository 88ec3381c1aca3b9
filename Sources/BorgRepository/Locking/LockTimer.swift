import BorgSystem
import Glibc

/// How long a lock may still be waited for. Time 0 means one try.
struct LockTimer {
  private let clock: Clock
  private let end: Int64
  private let sleepNanoseconds: Int64

  /// Without `sleepNanoseconds`: a tenth of the time, at most a minute; a second when there is no end to wait for.
  init(seconds: Int, sleepNanoseconds: Int64? = nil, clock: Clock = .system) {
    let time = Int64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
    let duration = time.overflow ? Int64.max / 2 : time.partialValue
    self.clock = clock
    self.sleepNanoseconds =
      sleepNanoseconds ?? (seconds == LockOptions.forever ? 1_000_000_000 : min(60_000_000_000, duration / 10))
    end = clock.monotonic().addingReportingOverflow(duration).partialValue
  }

  /// True when the time is over; else sleeps a while first.
  func isOverOrSleeps() -> Bool {
    guard clock.monotonic() < end else { return true }
    var pause = timespec(
      tv_sec: Int(sleepNanoseconds / 1_000_000_000), tv_nsec: Int(sleepNanoseconds % 1_000_000_000))
    nanosleep(&pause, nil)
    return false
  }
}
