import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTransfer

/// What `create` tells at its end: the statistics block, or the JSON document.
struct CreationReport {
  let outcome: Creation.Outcome
  let commandLine: [[UInt8]]

  init(_ outcome: Creation.Outcome, commandLine: [[UInt8]]) {
    self.outcome = outcome
    self.commandLine = commandLine
  }

  /// Shows the block or the document, if either is wanted.
  func show(_ statistics: StatisticsOptions, json: Bool, _ context: CommandContext) throws {
    var totals: RepositoryTotals?
    switch statistics {
    case .none where !json: return
    case .quick: break
    case .none, .full:
      totals = try RepositoryTotals(
        context.session, context.cache, considersPartFiles: context.common.considersPartFiles)
    }
    if json {
      context.console.write(document(context.session, totals, context.cache).text(context.environment))
    } else {
      context.monitor.logLines(
        lines(context.session, totals, context.cache, iec: context.common.usesIEC), logger: "borg.output.stats")
    }
  }

  /// The block of cli.md 6.2. `totals` nil: without the rows about the repository.
  func lines(_ session: RepositorySession, _ totals: RepositoryTotals?, _ cache: Cache, iec: Bool) -> [String] {
    let sizes = StatisticsText(iec: iec)
    var lines = [
      StatisticsText.dashes, "Repository: \(session.repository.location.canonicalPath)",
      "Archive name: \(displayText(outcome.archive.entry.name))",
      "Archive fingerprint: \(outcome.archive.entry.id.hex)",
      "Time (start): \(Timestamp.localText(nanoseconds: outcome.start))",
      "Time (end):   \(Timestamp.localText(nanoseconds: outcome.end))",
      "Duration: \(durationText(nanoseconds: outcome.duration))",
      "Number of files: \(outcome.statistics.fileCount)",
      "Utilization of max. archive size: \(percentage(archiveUtilization(outcome.archive)))", StatisticsText.dashes,
      StatisticsText.header, sizes.row("This archive:", outcome.statistics),
    ]
    if let totals { lines += sizes.repositoryRows(totals, isComplete: cache.directory != nil) }
    return lines + [StatisticsText.dashes]
  }

  func document(_ session: RepositorySession, _ totals: RepositoryTotals?, _ cache: Cache) -> JSONDocument {
    var document = JSONDocument.basics(session)
    document.set("archive", archive)
    if let totals { document.set("cache", totals.json(path: cache.directory)) }
    return document
  }

  private var archive: JSONValue {
    .object([
      ("name", .string(displayText(outcome.archive.entry.name))), ("id", .string(outcome.archive.entry.id.hex)),
      ("start", .string(JSONDocument.wholeSecondsText(outcome.start))),
      ("end", .string(JSONDocument.wholeSecondsText(outcome.end))),
      ("duration", .double(Double(outcome.end &- outcome.start) / 1e9)), ("stats", outcome.statistics.json),
      ("limits", .object([("max_archive_size", .double(archiveUtilization(outcome.archive)))])),
      ("command_line", .array(commandLine.map { .string(displayText($0)) })),
    ])
  }
}
