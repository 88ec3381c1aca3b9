import BorgArchive
import BorgSystem
import Glibc

/// The program from its first instruction to its exit code.
public enum Borg {
  /// For what is told of a signal, in milliseconds.
  fileprivate static let patienceToTell = 2000

  /// Runs the process's command line and ends the process. `asBorgFS`: the executable is borgfs whatever its name.
  public static func main(asBorgFS: Bool = false) -> Never {
    blockBrokenPipeSignal()
    takeStandardDescriptors()
    let words = ProcessArguments.current()
    let run = Run(
      program: Program(calledAs: words.first ?? [], role: asBorgFS ? .borgfs : nil), commandLine: words,
      environment: .current(), clock: .system, console: Console(), watchesSignals: true)
    let code = run.execute()
    exit(code.value)
  }

  /// Where the caller has closed a standard descriptor, no file that is opened later may get its number: a message would
  /// be written into it, or a segment be read as input. Reading from what is put there fails.
  private static func takeStandardDescriptors() {
    while true {
      let descriptor = open("/dev/null", O_WRONLY)
      if descriptor > STDERR_FILENO { close(descriptor) }
      if descriptor < 0 || descriptor > STDERR_FILENO { return }
    }
  }
}

/// One command line carried out. Nothing of it is global: tests make as many as they like.
struct Run {
  let program: Program
  /// The program's name first.
  let commandLine: [[UInt8]]
  let environment: Environment
  let clock: Clock
  let console: Console
  var watchesSignals = false

  private static let logger = "borg.archiver"

  /// Does everything that the command line asks for; what it prints has been written when this returns.
  func execute() -> ExitCode {
    let code = start()
    do { try console.flush() } catch {
      console.write(Diagnosis(error).message + "\n", to: .error)
      try? console.flush()
      return code == .success ? Diagnosis(error).exitCode(exitCodeStyle) : code
    }
    return code
  }

  private var exitCodeStyle: ExitCodeStyle { environment["BORG_EXIT_CODES"] == "modern" ? .modern : .legacy }
  private var words: [[UInt8]] { Array(commandLine.dropFirst()) }

  // MARK: Before logging is set up

  private func start() -> ExitCode {
    for notice in Deprecations.notices(in: words) { console.write(notice + "\n", to: .error) }
    do {
      switch try invocation() {
      case .version: console.write("\(program.name) \(Program.version)\n")
      case .help(let level): console.write(HelpFormatter(program, environment).help(level))
      case .run(let type, let arguments): return try run(type, arguments)
      }
      return .success
    } catch let error as UsageError {
      return refuse(error)
    } catch let error as CommandLineRefusal {
      return refuse(UsageError(level: program.root, reason: error.reason))
    } catch {
      let diagnosis = Diagnosis(error)
      console.write(diagnosis.message + "\n", to: .error)
      return diagnosis.exitCode(exitCodeStyle)
    }
  }

  /// What our command line asks for, and for a server what little of it is the client's to say.
  private func invocation() throws -> Invocation {
    let parser = CommandLineParser(program: program, environment: environment, clock: clock)
    let invocation = try parser.parse(words)
    guard case .run(let type, let arguments) = invocation, type is ServeCommand.Type,
      let command = environment[OriginalCommand.variable]
    else { return invocation }
    let original = OriginalCommand(parser: parser, text: command)
    return try original.merged(into: arguments)
  }

  private func refuse(_ error: UsageError) -> ExitCode {
    let formatter = HelpFormatter(program, environment)
    console.write(formatter.usage(error.level) + "\n", to: .error)
    console.write("\(formatter.programName(error.level)): error: \(error.reason)\n", to: .error)
    return .error
  }

  private func run(_ type: any BorgCommand.Type, _ arguments: ParsedArguments) throws -> ExitCode {
    let command = try type.init(arguments)
    let common = CommonOptions(arguments)
    if common.bypassesLock, !type.allowsBypassLock {
      throw ArchiveError.plain("Not allowed to bypass locking mechanism for chosen command")
    }
    umask(common.umask)
    let context = makeContext(common, arguments, isServer: command is ServeCommand)
    return run(command, context, arguments)
  }

  private func makeContext(
    _ common: CommonOptions, _ arguments: ParsedArguments, isServer: Bool
  ) -> CommandContext {
    var filter = LogFilter(common, arguments)
    if isServer { filter.showsProgress = true }
    let json = JSONMonitor(console: console, filter: filter, environment: environment, clock: clock)
    let monitor: any CommandMonitor =
      if isServer {
        ServerMonitor(json, console: console)
      } else if common.logsJSON {
        json
      } else {
        HumanMonitor(console: console, filter: filter, environment: environment, clock: clock, iec: common.usesIEC)
      }
    return CommandContext(
      program: program, commandLine: commandLine, common: common, environment: environment, clock: clock,
      console: console, monitor: monitor, exitCodeStyle: exitCodeStyle)
  }

  // MARK: With logging

  private func run(_ command: any BorgCommand, _ context: CommandContext, _ arguments: ParsedArguments) -> ExitCode {
    let monitor = context.monitor
    let profile = ResourceProfile(clock: clock)
    for option in arguments.ignoredStatistics {
      monitor.note("Ignoring \(option). It is not supported when using --dry-run.", logger: Run.logger)
    }
    if environment["BORG_LOGGING_CONF"] != nil {
      monitor.note(
        "BORG_LOGGING_CONF is ignored: it configures Python's logging, which this program does not have.",
        logger: Run.logger)
    }
    if context.common.showsVersion {
      monitor.info("borgbackup version \(Program.version)", logger: "borg.output.show-version")
    }
    var watcher: SignalWatcher?
    var code: ExitCode
    do {
      watcher = try watchSignals(Swift.type(of: command).signalHandling, context)
      code = combine(try command.perform(in: context), monitor)
      watcher?.finish()
    } catch {
      watcher?.finish()
      code = report(error, context, watcher?.ending)
    }
    if let failure = writeProfile(profile, context), code == .success { code = failure }
    return conclude(code, context)
  }

  /// The command's own code, unless it is success or a plain warning and warnings say more.
  private func combine(_ code: ExitCode, _ monitor: any CommandMonitor) -> ExitCode {
    code == .success ? monitor.warnings.exitCode(exitCodeStyle) : code
  }

  private func report(_ error: any Error, _ context: CommandContext, _ ending: SignalWatcher.Ending?) -> ExitCode {
    if let ending {
      context.monitor.log(ending.record)
      return ending.exitCode
    }
    let diagnosis = Diagnosis(error)
    var record = diagnosis.record
    if console.errorColumns != nil, !context.common.logsJSON, let advice = Advice.text(for: diagnosis.messageID) {
      record.message += (record.message.hasSuffix(".") ? " " : ". ") + advice
    }
    context.monitor.log(record)
    return diagnosis.exitCode(exitCodeStyle)
  }

  private func writeProfile(_ profile: ResourceProfile, _ context: CommandContext) -> ExitCode? {
    guard let path = context.common.profilePath else { return nil }
    do {
      try profile.write(to: path)
      return nil
    } catch {
      return report(error, context, nil)
    }
  }

  private func conclude(_ code: ExitCode, _ context: CommandContext) -> ExitCode {
    if context.common.showsReturnCode { context.monitor.log(code.record) }
    return code
  }

  private func watchSignals(_ handling: SignalHandling, _ context: CommandContext) throws -> SignalWatcher? {
    guard watchesSignals, handling != .ownHandlers else { return nil }
    let (monitor, cleanup, console) = (context.monitor, context.cleanup, context.console)
    let (style, showsReturnCode) = (exitCodeStyle, context.common.showsReturnCode)
    let cancelled = handling == .endsProcessAsCancelled ? Diagnosis(ArchiveError.cancelledByUser) : nil
    return try SignalWatcher(
      interruption: context.interruption, stopsItself: handling == .stopsItself,
      ignoresInterrupt: handling == .endsProcessUnlessInterrupted, clock: clock
    ) { ending in
      let refusal = ending.signal == SIGINT ? cancelled : nil
      let code = refusal?.exitCode(style) ?? ending.exitCode
      // Nobody may be reading what is written.
      _ = Worker.perform(withinMilliseconds: Borg.patienceToTell) {
        monitor.log(refusal?.record ?? ending.record)
        if showsReturnCode { monitor.log(code.record) }
        try? console.flush()
      }
      // What runs is only ended by the exit. Nothing may keep it waiting once somebody else can have the lock.
      cleanup.run()
      _exit(code.value)
    }
  }
}

extension Diagnosis {
  fileprivate var record: LogRecord { LogRecord(.error, logger: "borg.archiver", message, messageID: messageID) }
}

extension ExitCode {
  /// The last line with --show-rc.
  fileprivate var record: LogRecord {
    let level: LogLevel =
      switch className {
      case "success": .info
      case "warning": .warning
      default: .error
      }
    return LogRecord(level, logger: "borg.output.show-rc", "terminating with \(className) status, rc \(value)")
  }
}
