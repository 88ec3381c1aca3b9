import BorgFormat
import BorgSystem

/// Extract's percentages for the monitor, one each tenth of a percent.
struct ExtractProgress {
  private let monitor: any Monitor
  private let total: Int64
  private var done: Int64 = 0
  private var nextTenth: Int64 = 0

  private let verb: String

  init(_ monitor: any Monitor, total: Int64, verb: String = "Extracting") {
    self.monitor = monitor
    self.total = total
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
    let tenths = total > 0 ? Int64((Double(done) * 1000 / Double(total)).rounded(.down)) : 1000
    done += Int64(count)
    guard tenths >= nextTenth else { return }
    nextTenth += 1
    let name = displayText(path)
    let number = "\(tenths / 10).\(tenths % 10)"
    let padding = String(repeating: " ", count: max(0, 5 - number.count))
    monitor.progress(
      OperationProgress(
        messageID: "extract", message: "\(padding)\(number)% \(verb): \(name)", current: done, total: total,
        info: [name]))
  }

  func finish() {
    monitor.progress(OperationProgress(messageID: "extract", message: nil, isFinished: true))
  }
}
