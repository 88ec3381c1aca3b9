import Glibc

/// Counts towards a total and says when it is time to report it: Borg's percent indicator, to the last digit, since
/// front-ends see every event.
public struct PercentSteps: Sendable {
  /// What was counted so far, the step that is reported included.
  public private(set) var count: Int64 = 0
  public let total: Int64
  private let step: Double
  private var next = 0.0

  /// `step` is in percent.
  public init(total: Int64, step: Double) {
    self.total = total
    self.step = step
  }

  /// Counts `increase` more. Returns the percentage before it, if it is to be reported. Without a total everything is
  /// done.
  public mutating func advance(by increase: Int64) -> Double? {
    let percent = total > 0 ? Double(count) * 100 / Double(total) : 100
    count &+= increase
    guard percent >= next else { return nil }
    next += step
    return percent
  }

  /// The percentage right-aligned in `width` columns, rounded as C does.
  public static func text(_ percent: Double, width: Int32, decimals: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 64)
    let count = withVaList([width, decimals, min(percent, 1e9)]) {
      vsnprintf(&buffer, buffer.count, "%*.*f", $0)
    }
    return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
