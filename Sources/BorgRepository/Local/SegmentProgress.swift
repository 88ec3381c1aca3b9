import BorgSystem

/// Tells how many of a number of segments are done: `Checking segments  12.5%`.
struct SegmentProgress {
  private let message: String
  private let messageID: String
  private let decimals: Int32
  private let monitor: (any Monitor)?
  private var steps: PercentSteps

  /// Reports whenever `thousandths` more are done.
  init(
    _ message: String, messageID: String, total: @autoclosure () throws -> Int, thousandths: Int = 50,
    monitor: any Monitor
  ) rethrows {
    self.message = message
    self.messageID = messageID
    decimals = thousandths < 10 ? 1 : 0
    self.monitor = monitor.wantsProgress ? monitor : nil
    steps = PercentSteps(total: monitor.wantsProgress ? Int64(try total()) : 0, step: Double(thousandths) / 10)
  }

  init(
    _ message: String, messageID: String, _ store: SegmentStore, thousandths: Int = 50, monitor: any Monitor
  ) throws {
    try self.init(
      message, messageID: messageID, total: try store.files.count(), thousandths: thousandths, monitor: monitor)
  }

  mutating func step() {
    guard let monitor, steps.total > 0, let percent = steps.advance(by: 1) else { return }
    let number = PercentSteps.text(percent, width: 3, decimals: decimals)
    monitor.progress(
      OperationProgress(
        messageID: messageID, message: "\(message) \(number)%", current: steps.count, total: steps.total))
  }

  func finish() {
    monitor?.progress(OperationProgress(messageID: messageID, message: nil, isFinished: true))
  }
}
