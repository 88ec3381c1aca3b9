/// Log levels with Python's numbers.
public enum LogLevel: Int, Sendable, Comparable {
  case debug = 10, info = 20, warning = 30, error = 40, critical = 50

  public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

  public var name: String {
    switch self {
    case .debug: "DEBUG"
    case .info: "INFO"
    case .warning: "WARNING"
    case .error: "ERROR"
    case .critical: "CRITICAL"
    }
  }
}

/// One log message: level, logger name (`borg.archiver`, `borg.output.list`, …), one line of text, and for warnings
/// that count the modern exit code they stand for with its message id.
public struct LogRecord: Sendable {
  public var level: LogLevel
  public var logger: String
  public var message: String
  public var messageID: String?
  /// Modern exit code 100…127 (or 1 for a warning without a code of its own); nil: does not touch the exit code.
  public var warningCode: Int32?

  public init(
    _ level: LogLevel, logger: String, _ message: String, messageID: String? = nil, warningCode: Int32? = nil
  ) {
    self.level = level
    self.logger = logger
    self.message = message
    self.messageID = messageID
    self.warningCode = warningCode
  }
}

/// What `create` has done so far.
public struct ArchiveProgress: Sendable {
  public var originalSize: Int64
  public var compressedSize: Int64
  public var deduplicatedSize: Int64
  public var fileCount: Int64
  public var path: [UInt8]

  public init(
    originalSize: Int64, compressedSize: Int64, deduplicatedSize: Int64, fileCount: Int64, path: [UInt8]
  ) {
    self.originalSize = originalSize
    self.compressedSize = compressedSize
    self.deduplicatedSize = deduplicatedSize
    self.fileCount = fileCount
    self.path = path
  }
}

/// One step of an operation that knows its total (`progress_percent` in JSON), or a plain message.
public struct OperationProgress: Sendable {
  /// Borg's message id: `extract`, `cache.sync`, `repository.check`, …
  public var messageID: String
  /// The text as Borg prints it, percentage included; nil when finished.
  public var message: String?
  /// Nil for a `progress_message`.
  public var current: Int64?
  public var total: Int64?
  public var info: [String]?
  public var isFinished: Bool

  public init(
    messageID: String, message: String?, current: Int64? = nil, total: Int64? = nil, info: [String]? = nil,
    isFinished: Bool = false
  ) {
    self.messageID = messageID
    self.message = message
    self.current = current
    self.total = total
    self.info = info
    self.isFinished = isFinished
  }
}

/// A yes/no question and how an environment variable may answer it (cli.md section 5).
public struct Question: Sendable {
  public var text: String
  /// The override variable; also the message id.
  public var environmentVariable: String?
  /// Words that mean yes. Nil: Borg's usual ones; `["YES"]` for the dangerous questions.
  public var yesWords: [String]?
  public var falseMessage: String?
  public var trueMessage: String?
  public var invalidMessage: String?
  /// Ask again after an invalid answer instead of taking it as no.
  public var retries: Bool
  public var retryMessage: String?

  public init(
    text: String, environmentVariable: String? = nil, yesWords: [String]? = nil, falseMessage: String? = nil,
    trueMessage: String? = nil, invalidMessage: String? = nil, retries: Bool = false, retryMessage: String? = nil
  ) {
    self.text = text
    self.environmentVariable = environmentVariable
    self.yesWords = yesWords
    self.falseMessage = falseMessage
    self.trueMessage = trueMessage
    self.invalidMessage = invalidMessage
    self.retries = retries
    self.retryMessage = retryMessage
  }
}

/// Whoever listens to a command's events: log, progress, file status, questions. Callable from any thread.
public protocol Monitor: AnyObject, Sendable {
  func log(_ record: LogRecord)
  /// One file's status letter (`A`, `M`, `U`, …); the monitor applies --list and --filter.
  func fileStatus(_ status: Character, path: [UInt8])
  /// Nil: the last event. Only called at a reasonable rate by whoever works (see `ProgressPacer`).
  func progress(_ progress: ArchiveProgress?)
  func progress(_ progress: OperationProgress)
  func ask(_ question: Question) -> Bool
  /// Whether progress was asked for, so that its cost can be saved otherwise.
  var wantsProgress: Bool { get }
  /// Whether status lines are shown at all.
  var wantsFileStatus: Bool { get }
}

extension Monitor {
  public func info(_ message: String, logger: String) { log(LogRecord(.info, logger: logger, message)) }
  public func debug(_ message: String, logger: String) { log(LogRecord(.debug, logger: logger, message)) }
  public func error(_ message: String, logger: String) { log(LogRecord(.error, logger: logger, message)) }
  /// A warning that does not touch the exit code.
  public func note(_ message: String, logger: String) { log(LogRecord(.warning, logger: logger, message)) }
}
