import BorgArchive
import BorgFormat

/// Renders items by a `--format` text, or as JSON lines with the keys that the format names
/// (patterns-and-formats.md 5.2, json.md 2.1).
struct ItemFormatter {
  /// Throws `ArchiveError.plain` for an unknown key or broken braces. `cache`: only if `needsCache(format)`.
  init(format: [UInt8], archive: Archive, cache: Cache?, jsonLines: Bool) throws { fatalError("contract: objects") }

  /// Whether a key of the format can only be told with the chunk index.
  static func needsCache(_ format: [UInt8]) -> Bool { fatalError("contract: objects") }

  /// Appends the item's text, or its JSON line with a newline.
  mutating func append(_ item: Item, to output: inout [UInt8]) throws { fatalError("contract: objects") }
}
