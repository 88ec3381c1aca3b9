import BorgArchive

/// What `extract` is told on its command line (cli.md 8.4).
public struct ExtractOptions: Sendable {
  public var matcher: PatternMatcher
  /// Where to extract to; nil: the current directory.
  public var directory: [UInt8]?
  public var stripComponents = 0
  /// Reads and verifies everything, writes nothing.
  public var isDryRun = false
  /// Contents of all selected files to standard output; creates nothing.
  public var toStandardOutput = false
  public var numericIDs = false
  public var restoresFlags = true
  public var restoresXattrs = true
  public var restoresACLs = true
  /// All-zero chunks become holes.
  public var sparse = false
  public var considersPartFiles = false
  /// --list: each path goes to the monitor's log as `borg.output.list`.
  public var lists = false

  public init(matcher: PatternMatcher) {
    self.matcher = matcher
  }
}
