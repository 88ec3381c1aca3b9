import BorgFormat
import BorgSystem

/// Shows a command's events as text on standard error.
final class HumanMonitor: CommandMonitor {
  let filter: LogFilter
  let warnings = Warnings()
  private let console: Console
  private let environment: Environment
  private let iec: Bool
  /// Nil when standard error is no terminal: then events are written as Borg writes them.
  private let statusLine: StatusLine?

  init(console: Console, filter: LogFilter, environment: Environment, clock: Clock, iec: Bool) {
    self.console = console
    self.filter = filter
    self.environment = environment
    self.iec = iec
    statusLine = console.errorColumns.map { _ in StatusLine(console: console, clock: clock, iec: iec) }
  }

  func log(_ record: LogRecord) {
    if let code = record.warningCode { warnings.note(code) }
    guard filter.shows(record) else { return }
    console.write(record.message + "\n", to: .error)
    if record.level >= .warning { try? console.flush() }
  }

  func fileStatus(_ status: Character, path: [UInt8]) {
    guard filter.shows(status: status) else { return }
    console.write("\(status) \(displayText(path))\n", to: .error)
  }

  func progress(_ progress: ArchiveProgress?) {
    guard filter.showsProgress else { return }
    if let statusLine {
      if let progress { statusLine.show(progress) } else { statusLine.clear() }
    } else {
      console.write((progress.map(text) ?? "") + "\n", to: .error)
    }
  }

  private func text(_ progress: ArchiveProgress) -> String {
    "\(HumanSize.text(progress.originalSize, iec: iec)) O \(HumanSize.text(progress.compressedSize, iec: iec)) C "
      + "\(HumanSize.text(progress.deduplicatedSize, iec: iec)) D \(progress.fileCount) N \(displayText(progress.path))"
  }

  func progress(_ progress: OperationProgress) {
    guard filter.showsProgress else { return }
    if let statusLine { return statusLine.show(progress) }
    console.write((progress.message ?? "") + "\r", to: .error)
    if progress.isFinished { try? console.flush() }
  }

  func ask(_ question: Question) -> Bool {
    Questioner(question: question, environment: environment) { [console] kind, text, _ in
      console.write(kind.isPrompt ? text : text + "\n", to: .error)
      try? console.flush()
    }.answer()
  }
}
