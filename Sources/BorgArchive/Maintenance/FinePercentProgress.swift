import BorgSystem

/// Borg's percent indicator with decimals: one event at most for each step of the last digit.
struct FinePercentProgress {
  private let text: String
  private let messageID: String
  private let total: Int
  private let scale: Int
  private let decimals: Int
  private let monitor: any Monitor
  private var done = 0
  private var nextStep = 0

  init(_ text: String, messageID: String, total: Int, decimals: Int, monitor: any Monitor) {
    self.text = text
    self.messageID = messageID
    self.total = total
    self.decimals = decimals
    scale = decimals == 2 ? 100 : 10
    self.monitor = monitor
  }

  /// Says where it stands, then counts one more.
  mutating func advance() {
    guard monitor.wantsProgress, total > 0 else { return }
    let step = min(done, total) * 100 * scale / total
    done += 1
    guard step >= nextStep else { return }
    nextStep = step + 1
    monitor.progress(
      OperationProgress(
        messageID: messageID, message: "\(text) \(percent(step))%", current: Int64(done - 1), total: Int64(total)))
  }

  func finish() {
    guard monitor.wantsProgress, total > 0 else { return }
    monitor.progress(OperationProgress(messageID: messageID, message: nil, isFinished: true))
  }

  /// Right-aligned in six columns with two decimals, in three with one.
  private func percent(_ step: Int) -> String {
    let fraction = String(step % scale)
    let zeros = String(repeating: "0", count: max(0, decimals - fraction.utf8.count))
    let digits = "\(step / scale).\(zeros)\(fraction)"
    let width = decimals == 2 ? 6 : 3
    return String(repeating: " ", count: max(0, width - digits.utf8.count)) + digits
  }
}
