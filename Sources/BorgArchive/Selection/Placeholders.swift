import BorgSystem

/// `{hostname}`, `{now:FMT}`, … in names, locations and comments (patterns-and-formats.md section 2).
public struct Placeholders: Sendable {
  /// `now` overrides the clock (--timestamp), nanoseconds since 1970.
  public init(environment: Environment, now: Int64) { fatalError("contract: BorgArchive selection") }
  /// Throws `ArchiveError.invalidPlaceholder` or `.placeholderFormat`.
  public func expand(_ text: [UInt8]) throws -> [UInt8] { fatalError("contract: BorgArchive selection") }
}
