import BorgArchive
import BorgFormat
import BorgSystem

/// What `info` tells of one archive, as text and as JSON.
struct ArchiveDetails {
  let archive: Archive
  /// Its deduplicated size is what only this archive refers to.
  let statistics: Statistics

  init(_ archive: Archive, cache: Cache, considersPartFiles: Bool) throws {
    self.archive = archive
    var statistics = try archive.statistics().considering(parts: considersPartFiles)
    statistics.deduplicatedSize = try ArchiveDetails.uniqueSize(archive, cache.chunks)
    self.statistics = statistics
  }

  /// The stored sizes of chunks to which nothing else refers, in bytes.
  private static func uniqueSize(_ archive: Archive, _ index: ChunkIndex) throws -> Int64 {
    var references: [ChunkID: UInt32] = [:]
    let text = "Calculating statistics for archive \(displayText(archive.entry.name)) ..."
    var progress = PercentProgress(
      messageID: "archive.calc_stats", total: archive.metadata.items.count, stepInTenths: 50,
      monitor: archive.session.context.monitor)
    try archive.forEachItem(chunk: { progress.advance(by: 1) { "\(text) \($0)%" } }) { item in
      for chunk in item.chunks ?? [] { references[chunk.id, default: 0] &+= 1 }
    }
    progress.finish()
    return references.reduce(0) { sum, reference in
      guard let entry = index[reference.key], entry.references == reference.value else { return sum }
      return sum &+ Int64(entry.storedSize)
    }
  }

  private var metadata: ArchiveMetadata { archive.metadata }
  private var duration: Int64 { archive.end &- archive.start }

  func text(_ totals: RepositoryTotals, iec: Bool) -> String {
    let sizes = StatisticsText(iec: iec)
    let words = metadata.commandLine.map { shellQuoted(displayText($0)) }.joined(separator: " ")
    return
      ([
        "Archive name: \(displayText(archive.entry.name))", "Archive fingerprint: \(archive.entry.id.hex)",
        "Comment: \(displayText(metadata.comment ?? []))", "Hostname: \(displayText(metadata.hostname ?? []))",
        "Username: \(displayText(metadata.username ?? []))",
        "Time (start): \(Timestamp.localText(nanoseconds: archive.start))",
        "Time (end): \(Timestamp.localText(nanoseconds: archive.end))",
        "Duration: \(durationText(nanoseconds: duration))", "Number of files: \(statistics.fileCount)",
        "Working Directory: \(displayText(metadata.cwd ?? []))", "Command line: \(words)",
        "Utilization of maximum supported archive size: \(percentage(archiveUtilization(archive)))",
        StatisticsText.dashes, StatisticsText.header, sizes.row("This archive:", statistics),
      ] + sizes.repositoryRows(totals)).joined(separator: "\n") + "\n"
  }

  var json: JSONValue {
    .object([
      ("name", .string(displayText(archive.entry.name))), ("id", .string(archive.entry.id.hex)),
      ("start", .string(JSONDocument.wholeSecondsText(archive.start))),
      ("end", .string(JSONDocument.wholeSecondsText(archive.end))),
      ("duration", .double(Double(duration) / 1e9)), ("stats", statistics.json),
      ("limits", .object([("max_archive_size", .double(archiveUtilization(archive)))])),
      ("command_line", .array(metadata.commandLine.map { .string(displayText($0)) })),
      ("cwd", .string(displayText(metadata.cwd ?? []))), ("hostname", .string(displayText(metadata.hostname ?? []))),
      ("username", .string(displayText(metadata.username ?? []))),
      ("comment", .string(displayText(metadata.comment ?? []))), ("chunker_params", chunkerParameters),
    ])
  }

  /// `["buzhash", 19, 23, 21, 4095]`; four numbers alone are an old archive's buzhash; `""` when unknown.
  private var chunkerParameters: JSONValue {
    guard case .array(let values)? = metadata.chunkerParameters else { return .string("") }
    let items = values.compactMap { value -> JSONValue? in
      switch value {
      case .int(let number): .int(number)
      case .raw(let bytes): .string(displayText(bytes))
      default: nil
      }
    }
    if case .int? = items.first, items.count == 4 { return .array([.string("buzhash")] + items) }
    return .array(items)
  }
}

/// `{:.0%}`
func percentage(_ part: Double) -> String { "\(fixed(part * 100, decimals: 0))%" }
