import BorgSystem
import Synchronization

/// A monitor that a command runs under: it also keeps the warnings that make the exit code.
protocol CommandMonitor: Monitor {
  var filter: LogFilter { get }
  var warnings: Warnings { get }
}

/// The run's warnings, noted from any thread.
final class Warnings: Sendable {
  private let ledger = Mutex(WarningLedger())

  func note(_ code: Int32) { ledger.withLock { $0.note(code) } }
  func exitCode(_ style: ExitCodeStyle) -> ExitCode { ledger.withLock { $0.exitCode(style) } }
}

extension CommandMonitor {
  var wantsProgress: Bool { filter.showsProgress }
  var wantsFileStatus: Bool { filter.showsLists }

  /// Logs each line of a block on its own.
  func logLines(_ lines: [String], level: LogLevel = .info, logger: String) {
    for line in lines { log(LogRecord(level, logger: logger, line)) }
  }
}
