import BorgFormat
import BorgSystem
import Synchronization

/// Writes a command's events as JSON objects, one a line, on standard error (--log-json; json.md section 3).
final class JSONMonitor: CommandMonitor {
  typealias Object = [(key: String, value: JSONValue)]

  private struct Operations {
    var count: Int64 = 0
    /// Numbers of the operations that have not finished, by message id.
    var running: [String: Int64] = [:]
  }

  let filter: LogFilter
  let warnings = Warnings()
  private let console: Console
  private let environment: Environment
  private let clock: Clock
  private let operations = Mutex(Operations())

  init(console: Console, filter: LogFilter, environment: Environment, clock: Clock) {
    self.console = console
    self.filter = filter
    self.environment = environment
    self.clock = clock
  }

  func log(_ record: LogRecord) {
    if let code = record.warningCode { warnings.note(code) }
    guard filter.shows(record) else { return }
    var object: Object = [
      ("type", .string("log_message")), ("time", now), ("message", .string(record.message)),
      ("levelname", .string(record.level.name)), ("name", .string(record.logger)),
    ]
    if let id = record.messageID { object.append(("msgid", .string(id))) }
    write(object)
    if record.level >= .warning { try? console.flush() }
  }

  func fileStatus(_ status: Character, path: [UInt8]) {
    guard filter.shows(status: status) else { return }
    write([
      ("type", .string("file_status")), ("status", .string(String(status))), ("path", .string(displayText(path))),
    ])
  }

  func progress(_ progress: ArchiveProgress?) {
    guard filter.showsProgress else { return }
    var object: Object = []
    if let progress {
      object = [
        ("original_size", .int(progress.originalSize)), ("compressed_size", .int(progress.compressedSize)),
        ("deduplicated_size", .int(progress.deduplicatedSize)), ("nfiles", .int(progress.fileCount)),
        ("path", .string(displayText(progress.path))),
      ]
    }
    write(object + [("time", now), ("type", .string("archive_progress")), ("finished", .bool(progress == nil))])
  }

  func progress(_ progress: OperationProgress) {
    guard filter.showsProgress else { return }
    var object: Object = []
    if !progress.isFinished {
      object.append(("message", .string(progress.message ?? "")))
      if let current = progress.current {
        object.append(("current", .int(current)))
        object.append(("total", .int(progress.total ?? 0)))
        object.append(("info", progress.info.map { .array($0.map { .string($0) }) } ?? .null))
      }
    }
    object.append(("operation", .int(number(of: progress))))
    object.append(("msgid", .string(progress.messageID)))
    object.append(("type", .string(JSONMonitor.type(of: progress.messageID))))
    object.append(("finished", .bool(progress.isFinished)))
    object.append(("time", now))
    write(object)
    try? console.flush()
  }

  private static func type(of messageID: String) -> String {
    switch messageID {
    case "cache.begin_transaction", "cache.commit": "progress_message"
    default: "progress_percent"
    }
  }

  private func number(of progress: OperationProgress) -> Int64 {
    operations.withLock { operations in
      let number = operations.running[progress.messageID] ?? operations.count + 1
      operations.count = max(operations.count, number)
      operations.running[progress.messageID] = progress.isFinished ? nil : number
      return number
    }
  }

  func ask(_ question: Question) -> Bool {
    Questioner(question: question, environment: environment) { [self] kind, text, variable in
      var object: Object = []
      if let variable { object.append(("env_var", .string(variable))) }
      object.append(("type", .string("question_\(kind.rawValue)")))
      object.append(("msgid", question.environmentVariable.map { .string($0) } ?? .null))
      object.append(("message", .string(text)))
      write(object)
      try? console.flush()
    }.answer()
  }

  private var now: JSONValue { .double(Double(clock.now()) / 1e9) }

  private func write(_ object: Object) {
    console.write(JSONValue.object(object).text() + "\n", to: .error)
  }
}
