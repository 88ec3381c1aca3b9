import BorgFormat
import BorgSystem
import Synchronization

/// The one line in which a terminal shows how far a command is: what Borg says, and the rate and the time left where
/// they are known. It always fits the terminal, and gives way when that is narrow.
final class StatusLine: Sendable {
  private struct State {
    var pace = Pace()
    /// The operation that `pace` belongs to.
    var operation: String?
  }

  private let console: Console
  private let clock: Clock
  private let iec: Bool
  private let state = Mutex(State())

  init(console: Console, clock: Clock, iec: Bool) {
    self.console = console
    self.clock = clock
    self.iec = iec
  }

  /// Below so many columns rate and time left are not shown.
  private static let narrow = 50
  /// A path that is cut to less than this says nothing.
  private static let shortestPath = 12

  func clear() {
    console.clearStatus()
  }

  func show(_ progress: ArchiveProgress) {
    let time = clock.monotonic()
    let rate = pace(of: "archive") { pace in
      pace.note(progress.originalSize, at: time)
      return pace.rate(progress.originalSize, at: time)
    }
    console.showStatus { [iec] in
      let columns = self.columns
      let sizes =
        "\(HumanSize.text(progress.originalSize, iec: iec)) O \(HumanSize.text(progress.compressedSize, iec: iec)) C "
        + "\(HumanSize.text(progress.deduplicatedSize, iec: iec)) D \(progress.fileCount) N "
      let shown = columns >= StatusLine.narrow ? sizes + (rate.map { self.text(rate: $0) + " " } ?? "") : sizes
      let space = columns - shown.unicodeScalars.count
      return space < StatusLine.shortestPath
        ? shortened(shown, to: columns) : shown + shortened(displayText(progress.path), to: space)
    }
  }

  func show(_ progress: OperationProgress) {
    guard !progress.isFinished, let message = progress.message else { return finish(progress) }
    let time = clock.monotonic()
    var facts: [String] = []
    if let current = progress.current, let total = progress.total, total > 0 {
      let (rate, left) = pace(of: progress.messageID) { pace in
        pace.note(current, at: time)
        return (pace.rate(current, at: time), pace.secondsLeft(current, of: total, at: time))
      }
      if let rate, StatusLine.countsBytes(progress.messageID) { facts.append(text(rate: rate)) }
      if let left { facts.append("\(Pace.text(seconds: left)) left") }
    }
    console.showStatus { [facts] in
      let columns = self.columns
      let end = columns >= StatusLine.narrow && !facts.isEmpty ? "  " + facts.joined(separator: "  ") : ""
      return shortened(message, to: columns - end.count) + end
    }
  }

  private func finish(_ progress: OperationProgress) {
    state.withLock { state in
      if state.operation == progress.messageID { state.operation = nil }
    }
    clear()
  }

  /// Keeps the pace of one operation at a time; another one begins anew.
  private func pace<R>(of operation: String, _ body: (inout Pace) -> R) -> R {
    state.withLock { state in
      if state.operation != operation {
        state.operation = operation
        state.pace = Pace()
      }
      return body(&state.pace)
    }
  }

  private static func countsBytes(_ messageID: String) -> Bool { messageID == "extract" }

  private func text(rate: Double) -> String {
    HumanSize.text(Int64(exactly: min(rate, 1e18).rounded()) ?? 0, iec: iec, decimals: 1) + "/s"
  }

  /// The last column stays free: some terminals would go to the next line.
  private var columns: Int { max(1, (Terminal.columns(console.error) ?? 80) - 1) }
}
