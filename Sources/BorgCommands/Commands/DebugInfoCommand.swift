import BorgArchive
import BorgSystem
import Glibc

/// `borg debug info`: what a report of a problem should tell about the program's surroundings.
struct DebugInfoCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugInfo }

  init(_ arguments: ParsedArguments) {}

  func run(in context: CommandContext) throws -> ExitCode {
    let environment = context.environment
    if environment["BORG_SHOW_SYSINFO"]?.lowercased() != "no" {
      let directory = String(decoding: try Files.currentDirectory(), as: UTF8.self)
      let words = context.commandLine.map { DumpText.pythonBytes($0).dropFirst() }.joined(separator: ", ")
      context.console.write(
        """
        Platform: \(Self.platform())
        Borg: \(Program.version)  Python: none, Swift
        PID: \(getpid())  CWD: \(directory)
        sys.argv: [\(words)]
        SSH_ORIGINAL_COMMAND: \(environment["SSH_ORIGINAL_COMMAND"] ?? "None")

        """)
    }
    context.console.write("\nCRC implementation: zlib\nProcess ID: ('\(environment.hostID)', \(getpid()), 0)\n")
    return .success
  }

  private static func platform() -> String {
    var names = utsname()
    guard uname(&names) == 0 else { return "unknown" }
    func text<T>(_ field: T) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    return [
      text(names.sysname), text(names.nodename), text(names.release), text(names.version), text(names.machine),
    ].joined(separator: " ")
  }
}

/// `borg debug convert-profile`: refused, since this program makes no such profiles.
struct DebugConvertProfileCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugConvertProfile }

  init(_ arguments: ParsedArguments) {}

  func run(in context: CommandContext) throws -> ExitCode {
    throw ArchiveError.plain(
      "convert-profile: profiles are files of Python, which this program neither makes nor reads")
  }
}
