import BorgArchive
import BorgFormat
import BorgObjects

/// Renders items by a `--format` text, or as JSON lines with the keys that the format names
/// (patterns-and-formats.md 5.2, json.md 2.1).
struct ItemFormatter {
  private enum Style {
    case text(ItemLineFormatter)
    case json(ItemJSONFormatter)
  }

  private static let contentCacheBytes = 32 << 20

  private let style: Style

  /// Throws `ArchiveError.plain` for an unknown key (JSON lines pass these over) or broken braces. `cache`: only if
  /// `needsCache(format)`.
  init(format: [UInt8], archive: Archive, cache: Cache?, jsonLines: Bool) throws {
    let session = archive.session
    let reader = ChunkReader(
      repository: session.repository, codec: session.codec, cacheBytes: ItemFormatter.contentCacheBytes)
    let sources = ItemValues.Sources(
      references: cache.map { cache in { cache.chunks[$0]?.references } },
      content: { try reader.chunk($0.id, sizeHint: Int($0.size)) })
    let values = ItemValues(archiveName: archive.entry.name, archiveID: archive.entry.id, sources: sources)
    try self.init(format: format, values: values, jsonLines: jsonLines)
  }

  init(format: [UInt8], values: ItemValues, jsonLines: Bool) throws {
    let parsed = try FormatString(parsing: format)
    style =
      jsonLines
      ? .json(ItemJSONFormatter(parsed, values: values)) : .text(try ItemLineFormatter(parsed, values: values))
  }

  /// Whether a key of the format can only be told with the chunk index.
  static func needsCache(_ format: [UInt8]) -> Bool {
    let names = (try? FormatString(parsing: format).names) ?? []
    return names.contains { ItemField(rawValue: $0)?.needsCache ?? false }
  }

  /// Appends the item's text, or its JSON line with a newline. Throws what reading content for hashes throws.
  mutating func append(_ item: Item, to output: inout [UInt8]) throws {
    switch style {
    case .text(let formatter): try formatter.append(item, to: &output)
    case .json(let formatter): try formatter.append(item, to: &output)
    }
  }
}
