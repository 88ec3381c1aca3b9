/// How many bytes may be sent when: a quota for each tenth of a second, of which at most two are saved up.
struct UploadLimiter {
  static let period: Int64 = 100_000_000

  /// Bytes a period; 0: no limit.
  private let quotaPerPeriod: Int
  private var quota: Int
  private var lastPeriod: Int64

  /// `time` is the monotonic clock's, in nanoseconds.
  init(kibibytesPerSecond: Int, time: Int64) {
    let (bytes, overflow) = kibibytesPerSecond.multipliedReportingOverflow(by: 1024)
    quotaPerPeriod = kibibytesPerSecond > 0 && !overflow ? max(1, bytes / 10) : 0
    quota = quotaPerPeriod
    lastPeriod = time
  }

  var isLimited: Bool { quotaPerPeriod > 0 }

  /// How many bytes may be sent now; 0: wait for `nanosecondsToWait`.
  mutating func allowance(at time: Int64) -> Int {
    guard isLimited else { return .max }
    if time - lastPeriod >= UploadLimiter.period {
      quota = min(quota + quotaPerPeriod, 2 * quotaPerPeriod)
      lastPeriod = time
    }
    return quota
  }

  mutating func sent(_ count: Int) { if isLimited { quota -= count } }

  func nanosecondsToWait(at time: Int64) -> Int64 { max(1, lastPeriod + UploadLimiter.period - time) }
}
