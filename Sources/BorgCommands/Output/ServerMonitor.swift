import BorgSystem
import Synchronization

/// Sends a server's events to its client, through standard error: as marked lines of text until the client has said
/// that it understands JSON (remote.md section 10). Every line goes out at once.
final class ServerMonitor: CommandMonitor {
  private let json: JSONMonitor
  private let console: Console
  private let usesJSON = Atomic<Bool>(false)

  var filter: LogFilter { json.filter }
  var warnings: Warnings { json.warnings }

  init(_ json: JSONMonitor, console: Console) {
    self.json = json
    self.console = console
  }

  func useJSON() { usesJSON.store(true, ordering: .relaxed) }

  func log(_ record: LogRecord) {
    defer { try? console.flush() }
    if usesJSON.load(ordering: .relaxed) { return json.log(record) }
    guard filter.shows(record) else { return }
    for line in record.message.split(separator: "\n", omittingEmptySubsequences: false) {
      console.write("$LOG \(record.level.name) \(record.logger) Remote: \(line)\n", to: .error)
    }
  }

  func fileStatus(_ status: Character, path: [UInt8]) {}

  func progress(_ progress: ArchiveProgress?) {}

  func progress(_ progress: OperationProgress) {
    guard usesJSON.load(ordering: .relaxed) else { return }
    json.progress(progress)
  }

  /// Nobody is there to answer.
  func ask(_ question: Question) -> Bool { false }
}
