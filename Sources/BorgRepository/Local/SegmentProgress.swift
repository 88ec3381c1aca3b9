import BorgSystem

/// Tells how many of a number of segments are done: `Checking segments  12.5%`.
struct SegmentProgress {
  private let message: String
  private let messageID: String
  private let total: Int
  /// Report whenever this many thousandths more are done.
  private let thousandths: Int
  private let monitor: (any Monitor)?
  private var done = 0
  private var nextReport = 0

  init(
    _ message: String, messageID: String, total: @autoclosure () throws -> Int, thousandths: Int = 50,
    monitor: any Monitor
  ) rethrows {
    self.message = message
    self.messageID = messageID
    self.thousandths = thousandths
    self.monitor = monitor.wantsProgress ? monitor : nil
    self.total = monitor.wantsProgress ? try total() : 0
  }

  init(
    _ message: String, messageID: String, _ store: SegmentStore, thousandths: Int = 50, monitor: any Monitor
  ) throws {
    try self.init(
      message, messageID: messageID, total: try store.segmentCount(), thousandths: thousandths, monitor: monitor)
  }

  mutating func step() {
    guard let monitor, total > 0 else { return }
    let share = min(1000, done * 1000 / total)
    if share >= nextReport {
      nextReport = share - share % thousandths + thousandths
      monitor.progress(
        OperationProgress(
          messageID: messageID, message: "\(message) \(percentText(share))%", current: Int64(done),
          total: Int64(total)))
    }
    done += 1
  }

  func finish() {
    monitor?.progress(OperationProgress(messageID: messageID, message: nil, isFinished: true))
  }

  /// Whole percent, or tenths where reports are that close.
  private func percentText(_ share: Int) -> String {
    let text = thousandths < 10 ? "\(share / 10).\(share % 10)" : "\((share + 5) / 10)"
    return String(repeating: " ", count: max(0, 3 - text.count)) + text
  }
}
