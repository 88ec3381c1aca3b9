import BorgArchive
import BorgFormat
import BorgObjects

/// What `recreate` is told on its command line (cli.md 8.9).
public struct RecreateOptions: Sendable {
  public enum Recompression: String, Sendable {
    case never, always
    /// Only chunks that were stored with another method.
    case ifDifferent = "if-different"
  }

  /// A matcher of its own for each archive: tagged directories are added to it.
  public var makeMatcher: @Sendable () throws -> PatternMatcher
  public var isDryRun = false

  public var excludesCaches = false
  public var excludeIfPresent: [[UInt8]] = []
  public var keepsExcludeTags = false

  public var compressor = Compressor.lz4
  public var recompression = Recompression.never
  /// Nil: chunks stay as they were cut.
  public var chunkerParameters: ChunkerParameters?

  /// Nil: the comment stays.
  public var comment: [UInt8]?
  /// --timestamp, nanoseconds since 1970.
  public var timestamp: Int64?
  public var commandLine: [[UInt8]] = []
  /// 0: never.
  public var checkpointIntervalSeconds = 1800

  public init(makeMatcher: @escaping @Sendable () throws -> PatternMatcher) {
    self.makeMatcher = makeMatcher
  }
}
