import BorgSystem

/// Which log records a run shows: a threshold, and loggers with switches of their own (cli.md section 6).
struct LogFilter: Sendable {
  var threshold = LogLevel.warning
  var showsLists = false
  var showsStatistics = false
  var showsProgress = false
  var showsReturnCode = false
  var showsVersion = false
  /// Full logger names that --debug-topic switched on.
  var debugTopics: [String] = []
  /// --filter: the status letters to show; nil: all.
  var statusLetters: [Character]?

  func shows(_ record: LogRecord) -> Bool { record.level >= threshold(of: record.logger) }
  func shows(status: Character) -> Bool { showsLists && statusLetters?.contains(status) ?? true }

  private func threshold(of logger: String) -> LogLevel {
    if logger.hasPrefix("borg.output.") { return outputThreshold(of: logger.dropFirst("borg.output.".count)) }
    if debugTopics.contains(where: { logger == $0 || logger.hasPrefix($0 + ".") }) { return .debug }
    return logger.hasPrefix("borg.debug.") ? max(threshold, .warning) : threshold
  }

  private func outputThreshold(of name: Substring) -> LogLevel {
    let isOn =
      switch name {
      case "list": showsLists
      case "stats": showsStatistics
      case "progress": showsProgress
      case "show-rc": showsReturnCode
      case "show-version": showsVersion
      default: false
      }
    return isOn ? .info : .warning
  }
}
