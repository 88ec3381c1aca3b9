import BorgFormat
import BorgSystem

/// Shows a command's events as text on standard error.
final class HumanMonitor: CommandMonitor {
  let filter: LogFilter
  let warnings = Warnings()
  private let console: Console
  private let environment: Environment
  private let iec: Bool

  init(console: Console, filter: LogFilter, environment: Environment, iec: Bool) {
    self.console = console
    self.filter = filter
    self.environment = environment
    self.iec = iec
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

  /// On a terminal one line that is written over and over, elsewhere a line for each event.
  func progress(_ progress: ArchiveProgress?) {
    guard filter.showsProgress else { return }
    let line = progress.map(text) ?? ""
    console.write(console.errorColumns.map { padded(line, $0) + "\r" } ?? line + "\n", to: .error)
  }

  private func text(_ progress: ArchiveProgress) -> String {
    let sizes =
      "\(HumanSize.text(progress.originalSize, iec: iec)) O \(HumanSize.text(progress.compressedSize, iec: iec)) C "
      + "\(HumanSize.text(progress.deduplicatedSize, iec: iec)) D \(progress.fileCount) N "
    let path = displayText(progress.path)
    guard let columns = console.errorColumns else { return sizes + path }
    let space = columns - sizes.unicodeScalars.count
    return space < 12 ? "" : sizes + shortened(path, to: space)
  }

  func progress(_ progress: OperationProgress) {
    guard filter.showsProgress else { return }
    let message = progress.message ?? ""
    let line = console.errorColumns.map { padded(shortened(message, to: $0), $0) } ?? message
    console.write(line + "\r", to: .error)
    if progress.isFinished { try? console.flush() }
  }

  func ask(_ question: Question) -> Bool {
    Questioner(question: question, environment: environment) { [console] kind, text, _ in
      console.write(kind.isPrompt ? text : text + "\n", to: .error)
      try? console.flush()
    }.answer()
  }

  private func padded(_ text: String, _ columns: Int) -> String {
    text + String(repeating: " ", count: max(0, columns - text.unicodeScalars.count))
  }
}

/// The text, or its beginning and end with `...` between, so that it needs at most `columns`.
func shortened(_ text: String, to columns: Int) -> String {
  let scalars = Array(text.unicodeScalars)
  guard scalars.count > columns else { return text }
  let kept = max(0, columns - 3)
  var result = String.UnicodeScalarView()
  result.append(contentsOf: scalars.prefix(kept - kept / 2))
  result.append(contentsOf: "...".unicodeScalars)
  result.append(contentsOf: scalars.suffix(kept / 2))
  return String(result)
}
