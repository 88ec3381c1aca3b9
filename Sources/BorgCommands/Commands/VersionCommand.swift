import BorgRepository

/// `borg version`: the versions of client and server.
struct VersionCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "version", title: "Show the versions of client and server",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository; a local one need not exist")
      ],
      epilog: """
        Shows the version of this program and, behind a slash, that of the program that serves the repository. They are
        the same for local repositories.
        """)
  }

  private let location: Location

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
  }

  /// A local repository need not exist.
  var access: RepositoryAccess? { location.isLocal ? nil : RepositoryAccess(location, lock: .none) }

  func run(in context: CommandContext) throws -> ExitCode {
    let remote = access == nil ? nil : (context.repository as? RemoteRepository)?.serverVersionText
    context.console.write("\(Program.version) / \(remote ?? Program.version)\n")
    return .success
  }
}
