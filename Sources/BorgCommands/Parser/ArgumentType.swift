import BorgArchive
import BorgObjects
import BorgRepository

/// What a value on the command line must be. Conversion and its refusals are in `ArgumentConverter`.
enum ArgumentType: Sendable {
  enum ArchivePart: Sendable { case required, optional, forbidden }

  case text
  /// A path or pattern: anything but the empty text.
  case path
  case integer
  case positiveInteger
  case nonNegativeInteger
  case octal
  case choice([String])
  case location(ArchivePart, localOnly: Bool = false)
  case archiveName
  /// Text whose placeholders are expanded.
  case expanded
  case timestamp
  case compression
  case chunkerParameters
  case filesCacheMode
  case archiveSortKeys
  case differenceSortKeys
  /// A time span such as `2d`, converted to hours.
  case interval
  case storageQuota
  /// A count of bytes such as `10M`.
  case fileSize
}

/// A converted value.
enum ArgumentValue: Sendable {
  case text([UInt8])
  case integer(Int)
  case location(Location)
  /// Nanoseconds since 1970.
  case timestamp(Int64)
  case compressor(Compressor)
  case chunkerParameters(ChunkerParameters)
  case filesCacheMode(FilesCacheMode)
  case sortKeys([ArchiveSelection.SortKey])
  case differenceSortKeys([DifferenceOrder.Key])
}

/// A command line that cannot be understood: rc 2 always, after the usage of the level it concerns.
struct UsageError: Error {
  let level: CommandDeclaration
  /// The text after `error: `.
  let reason: String
}

/// Why a value was refused: `argument NAME: ` stands before it in the end.
struct ArgumentRefusal: Error {
  let reason: String
}
