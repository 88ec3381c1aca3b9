import BorgRepository
import BorgSystem
import Glibc

/// `borg serve`: the far side of remote repositories, on standard input and output.
struct ServeCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "serve", title: "Repository server on stdin/stdout",
      options: [
        OptionDeclaration(
          "--restrict-to-path", action: .value(.text), metavar: "PATH",
          help: "serve only repositories at or below PATH (may be given several times)"),
        OptionDeclaration(
          "--restrict-to-repository", action: .value(.text), metavar: "PATH",
          help: "serve only the repository at exactly PATH (may be given several times)"),
        OptionDeclaration(
          "--append-only",
          help: "open repositories in append-only mode; those that are made keep the mode that the client asks for"),
        OptionDeclaration(
          "--storage-quota", action: .value(.storageQuota), metavar: "QUOTA",
          help: "let repositories hold at most so much, such as 5G or 1.5T, whatever they say themselves"),
      ],
      epilog: """
        The far side of remote repositories: clients start it through ssh. To confine a client, force the command for
        its key in ~/.ssh/authorized_keys:

            command="borg serve --restrict-to-path /srv/client1",restrict ssh-ed25519 AAAA...

        Of the command that the client asked for (SSH_ORIGINAL_COMMAND) only the log level is heeded.
        """)
  }

  static var signalHandling: SignalHandling { .endsProcessUnlessInterrupted }

  /// How long a signal lets a request go on, in milliseconds.
  private static let patience = 3000

  private let restrictedPaths: [[UInt8]]
  private let restrictedRepositories: [[UInt8]]
  private let isAppendOnly: Bool
  private let storageQuota: Int?

  init(_ arguments: ParsedArguments) {
    restrictedPaths = arguments.allBytes("--restrict-to-path")
    restrictedRepositories = arguments.allBytes("--restrict-to-repository")
    isAppendOnly = arguments.has("--append-only")
    storageQuota = arguments.integer("--storage-quota")
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let monitor = context.monitor as? ServerMonitor
    let server = RepositoryServer(
      options(context), environment: context.environment, monitor: context.monitor,
      onNegotiation: { monitor?.useJSON() })
    context.cleanup.add { server.close(withinMilliseconds: ServeCommand.patience) }
    let hadRepository = try server.serve(
      requests: File(descriptor: dup(STDIN_FILENO), path: Array("<stdin>".utf8)),
      responses: File(descriptor: dup(STDOUT_FILENO), path: Array("<stdout>".utf8)))
    if !hadRepository {
      context.console.write("Borg \(Program.version): Got connection close before repository was opened.\n")
    }
    return .success
  }

  private func options(_ context: CommandContext) -> RepositoryServer.Options {
    var options = RepositoryServer.Options(
      version: Program.version.split(separator: ".").compactMap { Int64($0) } + [-1])
    options.restrictedPaths = restrictedPaths
    options.restrictedRepositories = restrictedRepositories
    options.appendOnly = isAppendOnly
    options.storageQuota = storageQuota.map { Int64($0) }
    if context.environment["BORG_SHOW_SYSINFO"] != "no" {
      options.systemDescription = "Borg: \(Program.version)  borgfs\nPID: \(getpid())\n"
    }
    return options
  }
}
