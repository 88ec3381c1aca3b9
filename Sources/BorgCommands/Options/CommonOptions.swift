import BorgRepository
import BorgSystem
import Glibc

/// The options that every level of the command line accepts (cli.md 1.3).
struct CommonOptions: Sendable {
  var logLevel = LogLevel.warning
  var debugTopics: [String] = []
  var showsProgress = false
  var usesIEC = false
  var logsJSON = false
  var lockWaitSeconds = 1
  var bypassesLock = false
  var showsVersion = false
  var showsReturnCode = false
  var umask: mode_t = 0o077
  var considersPartFiles = false
  var profilePath: [UInt8]?
  /// Only what the command line says.
  var remote = RemoteOptions()

  init(_ arguments: ParsedArguments) {
    for option in arguments.options {
      if let level = CommonOptions.levels[option.key] { logLevel = level }
    }
    debugTopics = arguments.allBytes("--debug-topic").map { bytes in
      let topic = String(decoding: bytes, as: UTF8.self)
      return topic.contains(".") ? topic : "borg.debug." + topic
    }
    showsProgress = arguments.has("--progress")
    usesIEC = arguments.has("--iec")
    logsJSON = arguments.has("--log-json")
    lockWaitSeconds = arguments.integer("--lock-wait") ?? 1
    bypassesLock = arguments.has("--bypass-lock")
    showsVersion = arguments.has("--show-version")
    showsReturnCode = arguments.has("--show-rc")
    umask = mode_t(arguments.integer("--umask") ?? 0o077)
    considersPartFiles = arguments.has("--consider-part-files")
    profilePath = arguments.allBytes("--debug-profile").last
    remote.rsh = arguments.string("--rsh")
    remote.remotePath = arguments.bytes("--remote-path")
    remote.uploadRateLimit = max(
      0, arguments.integer("--upload-ratelimit") ?? arguments.integer("--remote-ratelimit") ?? 0)
    remote.uploadBuffer = max(0, arguments.integer("--upload-buffer") ?? arguments.integer("--remote-buffer") ?? 0)
  }

  private static let levels: [String: LogLevel] = [
    "--critical": .critical, "--error": .error, "--warning": .warning, "--info": .info, "--debug": .debug,
  ]

  static let declarations: [OptionDeclaration] = [
    OptionDeclaration("-h", "--help", action: .help, group: .common, help: "show this help message and exit"),
    OptionDeclaration("--critical", group: .common, help: "log critical messages only"),
    OptionDeclaration("--error", group: .common, help: "log errors and worse"),
    OptionDeclaration("--warning", group: .common, help: "log warnings and worse (default)"),
    OptionDeclaration("--info", "-v", "--verbose", group: .common, help: "log what is being done, too"),
    OptionDeclaration("--debug", group: .common, help: "log everything"),
    OptionDeclaration(
      "--debug-topic", action: .value(.text), metavar: "TOPIC", group: .common,
      help: "switch the debug logger TOPIC on (may be given several times); a name without a dot means "
        + "borg.debug.<TOPIC>"),
    OptionDeclaration("-p", "--progress", group: .common, help: "show progress"),
    OptionDeclaration("--iec", group: .common, help: "show sizes in IEC units (1KiB = 1024B)"),
    OptionDeclaration("--log-json", group: .common, help: "log one JSON object a line instead of text"),
    OptionDeclaration(
      "--lock-wait", action: .value(.nonNegativeInteger), metavar: "SECONDS", group: .common,
      help: "wait at most SECONDS for the lock of a repository or cache (default: 1)"),
    OptionDeclaration("--bypass-lock", group: .common, help: "do not lock the repository"),
    OptionDeclaration("--show-version", group: .common, help: "log the version first"),
    OptionDeclaration("--show-rc", group: .common, help: "log the return code (rc) last"),
    OptionDeclaration(
      "--umask", action: .value(.octal), metavar: "M", group: .common,
      help: "run with umask M (local only, default: 0077)"),
    OptionDeclaration(
      "--remote-path", action: .value(.expanded), metavar: "PATH", group: .common,
      help: "run PATH as borg on the remote side (default: \"borg\")"),
    OptionDeclaration(
      "--remote-ratelimit", action: .value(.integer), metavar: "RATE", group: .common,
      help: "deprecated, use --upload-ratelimit instead"),
    OptionDeclaration(
      "--upload-ratelimit", action: .value(.integer), metavar: "RATE", group: .common,
      help: "send at most RATE KiB/s to a remote repository (default: 0=unlimited)"),
    OptionDeclaration(
      "--remote-buffer", action: .value(.integer), metavar: "UPLOAD_BUFFER", group: .common,
      help: "deprecated, use --upload-buffer instead"),
    OptionDeclaration(
      "--upload-buffer", action: .value(.integer), metavar: "UPLOAD_BUFFER", group: .common,
      help: "buffer so many MiB for a remote repository (default: 0=no buffer)"),
    OptionDeclaration(
      "--consider-part-files", group: .common, help: "treat the part files of checkpoints like other files"),
    OptionDeclaration(
      "--debug-profile", action: .value(.text), metavar: "FILE", group: .common,
      help: "write what the command cost (times, memory) to FILE as JSON"),
    OptionDeclaration(
      "--rsh", action: .value(.text), metavar: "RSH", group: .common,
      help: "reach a remote 'borg serve' with this command (default: 'ssh')"),
  ]
}

extension LogFilter {
  /// The switches as common options and the command's own say (cli.md section 6).
  init(_ common: CommonOptions, _ arguments: ParsedArguments) {
    threshold = common.logLevel
    debugTopics = common.debugTopics
    showsProgress = common.showsProgress
    showsReturnCode = common.showsReturnCode
    showsVersion = common.showsVersion
    showsLists = arguments.has("--list")
    showsStatistics = arguments.has("--stats") || arguments.has("--quick-stats")
    statusLetters = arguments.string("--filter").map { Array($0) }
  }
}
