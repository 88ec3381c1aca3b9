import BorgFormat
import BorgSystem

/// What a server and ssh write on standard error, line by line, to the monitor (remote.md section 10). Nothing that
/// comes is an error: what cannot be understood is shown as it is.
struct RemoteLog {
  private static let maximumLineLength = 1 << 20
  private let monitor: any Monitor
  private var rest: [UInt8] = []

  init(_ monitor: any Monitor) { self.monitor = monitor }

  mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
        finishLine()
      } else {
        rest.append(byte)
        if rest.count >= RemoteLog.maximumLineLength { finishLine() }
      }
    }
  }

  /// The last line may lack its end.
  mutating func finishLine() {
    guard !rest.isEmpty else { return }
    let line = String(decoding: rest, as: UTF8.self)
    rest.removeAll(keepingCapacity: true)
    if line.hasPrefix("{"), let object = try? JSONValue(parsing: line), object.members != nil {
      show(object, line)
    } else if line.hasPrefix("$LOG ") {
      showOldStyle(line)
    } else {
      monitor.note("Remote: \(line)", logger: "")
    }
  }

  private func show(_ object: JSONValue, _ line: String) {
    switch object["type"]?.stringValue {
    case "log_message":
      monitor.log(
        LogRecord(
          RemoteLog.level(object["levelname"]?.stringValue), logger: object["name"]?.stringValue ?? "",
          "Remote: \(object["message"]?.stringValue ?? "")", messageID: object["msgid"]?.stringValue))
    case "progress_percent", "progress_message":
      let isFinished = object["finished"]?.boolValue ?? false
      monitor.progress(
        OperationProgress(
          messageID: object["msgid"]?.stringValue ?? "",
          message: object["message"]?.stringValue.map { "Remote: \($0)" },
          current: object["current"]?.intValue, total: object["total"]?.intValue,
          info: object["info"]?.arrayValue?.compactMap(\.stringValue), isFinished: isFinished))
    case let type:
      monitor.note(
        "Dropped remote log message with unknown type '\(type ?? "")': \(line)", logger: "borg.remote")
    }
  }

  /// `$LOG LEVEL Remote: text` or `$LOG LEVEL logger Remote: text`, as servers write before they know their client.
  private func showOldStyle(_ line: String) {
    let words = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3 else { return monitor.note("Remote: \(line)", logger: "") }
    var (logger, text) = ("", words[2])
    if !text.hasPrefix("Remote:"), let space = text.firstIndex(of: " ") {
      logger = String(text[..<space])
      text = text[text.index(after: space)...]
    }
    monitor.log(LogRecord(RemoteLog.level(String(words[1])), logger: logger, String(text)))
  }

  private static func level(_ name: String?) -> LogLevel {
    switch name {
    case "DEBUG": .debug
    case "INFO": .info
    case "WARNING": .warning
    case "ERROR": .error
    default: .critical
    }
  }
}
