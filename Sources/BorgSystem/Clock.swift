import Glibc

/// Wall and monotonic time, passed in so that tests can hold it still.
public struct Clock: Sendable {
  /// Nanoseconds since 1970.
  public var now: @Sendable () -> Int64
  /// Nanoseconds of a clock that never goes back.
  public var monotonic: @Sendable () -> Int64

  public init(now: @escaping @Sendable () -> Int64, monotonic: @escaping @Sendable () -> Int64) {
    self.now = now
    self.monotonic = monotonic
  }

  public static let system = Clock(now: { read(CLOCK_REALTIME) }, monotonic: { read(CLOCK_MONOTONIC) })

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
