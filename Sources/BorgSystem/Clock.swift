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

/// Borg's time texts.
public enum Timestamp {
  /// Naive UTC `YYYY-MM-DDTHH:MM:SS.ffffff`, always six digits.
  public static func utcText(nanoseconds: Int64) -> String { fatalError("contract: BorgSystem") }
  /// Parses 0 to 6 fraction digits; nil when malformed.
  public static func parseUTC(_ text: String) -> Int64? { fatalError("contract: BorgSystem") }
  /// `Sun, 2026-11-22 10:26:32` in local time.
  public static func localText(nanoseconds: Int64) -> String { fatalError("contract: BorgSystem") }
  /// `YYYY-MM-DDTHH:MM:SS.ffffff` in local time, microseconds rounded as Python does.
  public static func localISOText(nanoseconds: Int64) -> String { fatalError("contract: BorgSystem") }
  /// strftime in local time or UTC; `%f` gives microseconds, `%z` the offset.
  public static func format(nanoseconds: Int64, _ format: String, utc: Bool) -> String {
    fatalError("contract: BorgSystem")
  }
}
