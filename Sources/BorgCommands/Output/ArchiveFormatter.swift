import BorgArchive
import BorgFormat

/// Renders archives by a `--format` text, or as JSON objects (patterns-and-formats.md 5.1, json.md section 1).
struct ArchiveFormatter {
  /// Throws `ArchiveError.plain` for an unknown key or broken braces.
  init(format: [UInt8], session: RepositorySession) throws { fatalError("contract: objects") }

  /// Appends the archive's text. Reads its metadata only if the format asks for more than the manifest holds.
  mutating func append(_ entry: Manifest.Entry, to output: inout [UInt8]) throws { fatalError("contract: objects") }

  /// `archive barchive id name start time` and the keys that the format names.
  mutating func json(_ entry: Manifest.Entry) throws -> JSONValue { fatalError("contract: objects") }
}
