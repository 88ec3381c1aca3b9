import BorgArchive

extension CommandContext {
  /// Carries out another command line, without the program's name, as a part of this command. It reports to the same
  /// console and monitor; common options are those of its own words, but for --lock-wait, --umask and --bypass-lock.
  func perform(_ words: [[UInt8]]) throws -> ExitCode {
    let parser = CommandLineParser(program: program, environment: environment, clock: clock)
    guard case .run(let type, let arguments) = try parser.parse(words) else {
      throw ArchiveError.plain("borg \(words.first.map { String(decoding: $0, as: UTF8.self) } ?? ""): not a command")
    }
    let nested = CommandContext(
      program: program, commandLine: commandLine.prefix(1) + words, common: common, environment: environment,
      clock: clock, console: console, monitor: monitor, exitCodeStyle: exitCodeStyle, interruption: interruption,
      cleanup: cleanup)
    return try type.init(arguments).perform(in: nested)
  }
}
