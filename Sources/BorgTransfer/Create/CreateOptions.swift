import BorgArchive
import BorgFormat
import BorgObjects

/// What `create` is told on its command line (cli.md 8.2).
public struct CreateOptions: Sendable {
  /// Where the content comes from.
  public enum Input: Sendable {
    /// Recursion roots as typed, in order; `-` is standard input; a `/./` inside strips what is before it.
    case roots([[UInt8]])
    /// --content-from-command: program and arguments whose output becomes one file.
    case contentFromCommand([String])
    /// --paths-from-stdin
    case pathsFromStandardInput
    /// --paths-from-command
    case pathsFromCommand([String])
  }

  /// Which timestamp must not change while a file is read (--files-changed).
  public enum ChangeDetection: String, Sendable, CaseIterable { case ctime, mtime, disabled }

  public var input = Input.roots([])
  /// What separates the paths of `pathsFrom…`, escapes already evaluated; not empty.
  public var pathsDelimiter: [UInt8] = [0x0A]

  // The file made from standard input or a command. Nil names: the names of user 0 and group 0.
  public var stdinName: [UInt8] = Array("stdin".utf8)
  public var stdinUser: [UInt8]?
  public var stdinGroup: [UInt8]?
  public var stdinMode: UInt32 = 0o660

  // Selection
  public var matcher: PatternMatcher
  public var excludesCaches = false
  public var excludeIfPresent: [[UInt8]] = []
  public var keepsExcludeTags = false
  public var excludesNodump = false
  public var staysInOneFileSystem = false

  // Metadata
  public var numericIDs = false
  public var storesAtime = false
  public var storesCtime = true
  public var storesBirthtime = true
  public var storesFlags = true
  public var storesXattrs = true
  public var storesACLs = true

  // Content
  public var readsSpecialFiles = false
  public var sparse = false
  public var changeDetection = ChangeDetection.ctime
  public var chunkerParameters = ChunkerParameters.fileDefault
  public var compressor = Compressor.lz4
  /// 0: never.
  public var checkpointIntervalSeconds = 1800
  /// Workers that identify and seal; nil: one a processor.
  public var workerCount: Int?

  // Archive metadata
  public var comment: [UInt8] = []
  /// --timestamp, nanoseconds since 1970.
  public var timestamp: Int64?
  public var commandLine: [[UInt8]] = []

  public init(matcher: PatternMatcher) {
    self.matcher = matcher
  }
}
