import BorgSystem

/// Reports how much of a known total is done, at most once in `step` percent, as Borg's percent indicator does.
public struct PercentProgress {
  private let messageID: String
  private let total: Int
  private let stepInTenths: Int
  private let monitor: any Monitor
  private var done = 0
  private var nextInTenths = 0

  public init(messageID: String, total: Int, stepInTenths: Int, monitor: any Monitor) {
    self.messageID = messageID
    self.total = total
    self.stepInTenths = stepInTenths
    self.monitor = monitor
  }

  /// Says where it stands, then counts `count` more. `message` gets the percentage, right-aligned in three columns.
  public mutating func advance(by count: Int, info: [String]? = nil, _ message: (_ percent: String) -> String) {
    guard monitor.wantsProgress, total > 0 else { return }
    let tenths = done * 1000 / total
    done += count
    guard tenths >= nextInTenths else { return }
    nextInTenths += stepInTenths
    let digits = String((tenths + 5) / 10)
    let percent = String(repeating: " ", count: max(0, 3 - digits.utf8.count)) + digits
    monitor.progress(
      OperationProgress(
        messageID: messageID, message: message(percent), current: Int64(done), total: Int64(total), info: info))
  }

  public func finish() {
    guard monitor.wantsProgress, total > 0 else { return }
    monitor.progress(OperationProgress(messageID: messageID, message: nil, isFinished: true))
  }
}
