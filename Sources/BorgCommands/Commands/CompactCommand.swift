import BorgFormat
import BorgRepository

/// `borg compact`: frees the space of what was deleted.
struct CompactCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "compact", title: "Free space by rewriting sparse segments",
      positionals: [PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")],
      options: [
        OptionDeclaration("-n", "--dry-run", help: "change nothing"),
        OptionDeclaration("--cleanup-commits", help: "also drop 17-byte segments that hold only a commit"),
        OptionDeclaration(
          "--threshold", action: .value(.integer), metavar: "PERCENT",
          help: "rewrite segments of which more than PERCENT can be freed (default: 10)"),
      ],
      epilog: """
        Frees the space of deleted objects: what is still needed of sparse segments is copied, then these are deleted.
        Needs no key. In a repository that is append-only nothing is freed.

        --cleanup-commits is of use once, for repositories that were written by Borg before 1.1.

        Examples:

            borg compact /srv/repo
            borg compact --threshold 1 --progress /srv/repo
        """)
  }

  private let location: Location
  private let isDryRun: Bool
  private let options: CommitOptions

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    isDryRun = arguments.has("--dry-run")
    options = CommitOptions(
      compacts: true, threshold: Double(arguments.integer("--threshold") ?? 10) / 100,
      cleanupCommits: arguments.has("--cleanup-commits"))
  }

  var access: RepositoryAccess? {
    var access = RepositoryAccess(location, lock: .exclusive)
    access.expectations = .manifest
    return access
  }

  /// The manifest is written anew, unchanged: a transaction that changes nothing could not be told from the one before.
  func run(in context: CommandContext) throws -> ExitCode {
    if isDryRun { return .success }
    let manifest = try context.repository.get(.manifest)
    try context.repository.put(.manifest, manifest)
    try context.repository.commit(options)
    return .success
  }
}
