import BorgFormat
import BorgSystem

extension PatternMatcher {
  /// At the end of a run: warns of include paths that no item had, and of what `reportGivenUp` does.
  public func reportUnmatched(to monitor: any Monitor) {
    for pattern in unmatchedIncludePaths {
      monitor.log(
        LogRecord(
          .warning, logger: "borg.archiver", "Include pattern '\(displayText(pattern))' never matched.",
          messageID: "IncludePatternNeverMatchedWarning", warningCode: 101))
    }
    reportGivenUp(to: monitor)
  }

  /// At the end of a run: warns of patterns that took too long for some path, and so did not match it.
  public func reportGivenUp(to monitor: any Monitor) {
    for pattern in patternsGivenUp {
      monitor.log(
        LogRecord(
          .warning, logger: "borg.archiver",
          "Pattern '\(displayText(pattern))' takes too long for some paths, which were taken as not matching: simplify it.",
          warningCode: 1))
    }
  }
}
