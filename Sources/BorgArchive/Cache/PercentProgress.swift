import BorgSystem

/// Reports how much of a known total is done, at most once in `step` percent, as Borg's percent indicator does.
public struct PercentProgress {
  private let messageID: String
  private let monitor: any Monitor
  private var steps: PercentSteps

  public init(messageID: String, total: Int, stepInTenths: Int, monitor: any Monitor) {
    self.messageID = messageID
    self.monitor = monitor
    steps = PercentSteps(total: Int64(total), step: Double(stepInTenths) / 10)
  }

  /// Says where it stands, then counts `count` more. `message` gets the percentage, right-aligned in three columns.
  public mutating func advance(by count: Int, info: [String]? = nil, _ message: (_ percent: String) -> String) {
    guard monitor.wantsProgress, steps.total > 0, let percent = steps.advance(by: Int64(count)) else { return }
    monitor.progress(
      OperationProgress(
        messageID: messageID, message: message(PercentSteps.text(percent, width: 3, decimals: 0)),
        current: steps.count, total: steps.total, info: info))
  }

  public func finish() {
    guard monitor.wantsProgress, steps.total > 0 else { return }
    monitor.progress(OperationProgress(messageID: messageID, message: nil, isFinished: true))
  }
}
