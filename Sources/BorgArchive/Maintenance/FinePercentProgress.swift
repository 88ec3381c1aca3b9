import BorgSystem

/// Borg's percent indicator with decimals: one event at most for each step of the last digit.
struct FinePercentProgress {
  private let text: String
  private let messageID: String
  private let decimals: Int
  private let monitor: any Monitor
  private var steps: PercentSteps

  init(_ text: String, messageID: String, total: Int, decimals: Int, monitor: any Monitor) {
    self.text = text
    self.messageID = messageID
    self.decimals = decimals
    self.monitor = monitor
    steps = PercentSteps(total: Int64(total), step: decimals == 2 ? 0.01 : 0.1)
  }

  /// Says where it stands, then counts one more.
  mutating func advance() {
    guard monitor.wantsProgress, steps.total > 0, let percent = steps.advance(by: 1) else { return }
    let number = PercentSteps.text(percent, width: decimals == 2 ? 6 : 3, decimals: Int32(decimals))
    monitor.progress(
      OperationProgress(
        messageID: messageID, message: "\(text) \(number)%", current: steps.count, total: steps.total))
  }

  func finish() {
    guard monitor.wantsProgress, steps.total > 0 else { return }
    monitor.progress(OperationProgress(messageID: messageID, message: nil, isFinished: true))
  }
}
