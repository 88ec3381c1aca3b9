/// How fast a number grows, and when it will have reached a total: from the last seconds, so that a change shows.
struct Pace {
  /// What is looked at, in nanoseconds.
  private static let window: Int64 = 10_000_000_000
  /// Before this time no judgement is made.
  private static let patience: Int64 = 1_000_000_000

  private var samples: [(time: Int64, value: Int64)] = []
  private var start: (time: Int64, value: Int64)?

  /// Notes that `value` was reached at `time` (nanoseconds).
  mutating func note(_ value: Int64, at time: Int64) {
    if start == nil { start = (time, value) }
    if let last = samples.last, time - last.time < Pace.window / 50 { return }
    samples.append((time, value))
    while samples.count > 2, time - samples[0].time > Pace.window { samples.removeFirst() }
  }

  /// Units a second; nil as long as that would be a guess.
  func rate(_ value: Int64, at time: Int64) -> Double? {
    guard let start, time - start.time >= Pace.patience, let first = samples.first, time > first.time else {
      return nil
    }
    return max(0, Double(value - first.value)) * 1e9 / Double(time - first.time)
  }

  /// Seconds until `total`, by the pace of the whole way; nil as long as that would be a guess.
  func secondsLeft(_ value: Int64, of total: Int64, at time: Int64) -> Int64? {
    guard let start, time - start.time >= Pace.patience, value > start.value, total >= value else { return nil }
    let seconds = Double(time - start.time) / 1e9 * Double(total - value) / Double(value - start.value)
    return Int64(exactly: min(seconds, 1e9).rounded(.up))
  }

  /// `0:07`, `12:30`, `3:05:00`, `2 d 4 h`.
  static func text(seconds: Int64) -> String {
    let two = { (number: Int64) in (number < 10 ? "0" : "") + String(number) }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    if hours >= 48 { return "\(hours / 24) d \(hours % 24) h" }
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
  }
}
