import BorgFormat
import BorgSystem

/// Extract's percentages for the monitor, one each tenth of a percent.
struct ExtractProgress {
  private let monitor: any Monitor
  private var steps: PercentSteps
  private let verb: String

  init(_ monitor: any Monitor, total: Int64, verb: String = "Extracting") {
    self.monitor = monitor
    steps = PercentSteps(total: total, step: 0.1)
    self.verb = verb
  }

  static func announce(_ monitor: any Monitor) {
    monitor.progress(
      OperationProgress(
        messageID: "extract",
        message:
          "Calculating total archive size for the progress indicator (might take long for large archives)",
        current: 0, total: 0))
  }

  /// `count` bytes of the file at `path` are about to be written.
  mutating func add(_ count: Int, _ path: [UInt8]) {
    guard let percent = steps.advance(by: Int64(count)) else { return }
    let name = displayText(path)
    let number = PercentSteps.text(percent, width: 5, decimals: 1)
    monitor.progress(
      OperationProgress(
        messageID: "extract", message: "\(number)% \(verb): \(name)", current: steps.count, total: steps.total,
        info: [name]))
  }

  func finish() {
    monitor.progress(OperationProgress(messageID: "extract", message: nil, isFinished: true))
  }
}
