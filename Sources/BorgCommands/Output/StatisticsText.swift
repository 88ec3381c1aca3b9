import BorgArchive
import BorgFormat
import BorgSystem

/// The rows of statistics blocks (cli.md 6.2).
struct StatisticsText {
  static let dashes = String(repeating: "-", count: 78)
  static let header = "                       Original size      Compressed size    Deduplicated size"

  let iec: Bool

  /// `This archive:` and three sizes.
  func row(_ label: String, _ statistics: Statistics) -> String {
    row(label, statistics.originalSize, statistics.compressedSize, statistics.deduplicatedSize)
  }

  func row(_ label: String, _ original: Int64, _ compressed: Int64, _ deduplicated: Int64) -> String {
    let sizes = [original, compressed, deduplicated].map { " " + aligned(HumanSize.text($0, iec: iec)) }
    return padded(label, 15) + sizes.joined()
  }

  /// The sums over all archives and the chunk counts. `isComplete` false: the ad-hoc cache, which knows little.
  func repositoryRows(_ totals: RepositoryTotals, isComplete: Bool = true) -> [String] {
    let sizes =
      isComplete
      ? row("All archives:", totals.totalSize, totals.totalStoredSize, totals.uniqueStoredSize)
      : padded("All archives:", 15) + String(repeating: " " + aligned("unknown"), count: 3)
    return [
      sizes, "", "                       Unique chunks         Total chunks",
      padded("Chunk index:", 15) + " " + aligned("\(totals.uniqueChunks)") + " "
        + aligned(isComplete ? "\(totals.totalChunks)" : "unknown"),
    ]
  }

  private func aligned(_ text: String) -> String {
    String(repeating: " ", count: max(0, 20 - text.count)) + text
  }
}

/// What all archives of a repository hold together.
struct RepositoryTotals {
  var totalSize: Int64
  var totalStoredSize: Int64
  var uniqueSize: Int64
  var uniqueStoredSize: Int64
  var uniqueChunks: Int64
  var totalChunks: Int64

  /// Reads the metadata of every archive: chunk lists of part files must not count.
  init(_ session: RepositorySession, _ cache: Cache, considersPartFiles: Bool) throws {
    let summary = cache.chunks.summary()
    uniqueSize = summary.uniqueSize
    uniqueStoredSize = summary.uniqueStoredSize
    uniqueChunks = summary.uniqueChunks
    totalChunks = summary.totalChunks
    totalSize = 0
    totalStoredSize = 0
    session.announce(session.manifest.data.archives)
    for entry in session.manifest.data.archives {
      let statistics = try Archive(entry, in: session).statistics().considering(parts: considersPartFiles)
      totalSize &+= statistics.originalSize
      totalStoredSize &+= statistics.compressedSize
    }
  }

  /// The `cache` object of JSON documents; `path` nil for the ad-hoc cache.
  func json(path: String?) -> JSONValue {
    let stats: JSONDocument.Object = [
      ("total_chunks", .int(totalChunks)), ("total_unique_chunks", .int(uniqueChunks)),
      ("total_size", .int(totalSize)), ("total_csize", .int(totalStoredSize)), ("unique_size", .int(uniqueSize)),
      ("unique_csize", .int(uniqueStoredSize)),
    ]
    var object: JSONDocument.Object = [("stats", .object(stats))]
    if let path { object.append(("path", .string(path))) }
    return .object(object)
  }
}

extension Statistics {
  /// With part files counted like others, or without.
  func considering(parts: Bool) -> Statistics {
    guard parts else { return self }
    var result = self
    result.originalSize &+= originalSizeParts
    result.compressedSize &+= compressedSizeParts
    result.fileCount &+= fileCountParts
    return result
  }

  var json: JSONValue {
    .object([
      ("original_size", .int(originalSize)), ("compressed_size", .int(compressedSize)),
      ("deduplicated_size", .int(deduplicatedSize)), ("nfiles", .int(fileCount)),
    ])
  }
}

func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
}

/// `1 days 1 hours 1 minutes 1.25 seconds`, without the parts that are zero.
func durationText(nanoseconds: Int64) -> String {
  let whole = nanoseconds / 1_000_000_000
  var parts: [String] = []
  if whole / 86400 > 0 { parts.append("\(whole / 86400) days") }
  if whole / 3600 % 24 > 0 { parts.append("\(whole / 3600 % 24) hours") }
  if whole / 60 % 60 > 0 { parts.append("\(whole / 60 % 60) minutes") }
  parts.append("\(fixed(Double(nanoseconds % 60_000_000_000) / 1e9, decimals: 2)) seconds")
  return parts.joined(separator: " ")
}

/// The part of the largest possible metadata object that an archive's uses, 0 to 1.
func archiveUtilization(_ archive: Archive) -> Double { Double(archive.metadataStoredSize) / 20_971_479 }

/// `NAME TIME [ID]` as lines about archives show it.
func archiveLine(_ entry: Manifest.Entry) -> String {
  let time = Timestamp.parseUTC(String(decoding: entry.time, as: UTF8.self)) ?? 0
  return "\(padded(displayText(entry.name), 36)) \(Timestamp.localText(nanoseconds: time)) [\(entry.id.hex)]"
}
