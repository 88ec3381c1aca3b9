import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// `borg check`: the repository's segments and index, then the archives.
struct CheckCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "check", title: "Verify repository and archive consistency",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository, or one archive of it")
      ],
      options: [
        OptionDeclaration("--repository-only", help: "check only segments and index"),
        OptionDeclaration("--archives-only", help: "check only archives"),
        OptionDeclaration("--verify-data", help: "read, decrypt and identify every object (slow)"),
        OptionDeclaration("--repair", help: "mend what is found (asks first)"),
        OptionDeclaration("--save-space", help: "accepted for compatibility"),
        OptionDeclaration(
          "--max-duration", action: .value(.integer), metavar: "SECONDS",
          help: "stop after SECONDS and go on there the next time; needs --repository-only"),
      ] + ArchiveFilterOptions.declarations,
      exclusive: ArchiveFilterOptions.exclusive,
      epilog: """
        First reads all segments of the repository, verifies their checksums and compares the index with them. When that
        is well, reads the metadata of all archives (or of those selected) and looks whether everything they need is
        there. --verify-data also reads all contents.

        Nothing is changed without --repair. With it, damaged segments are salvaged and the index is made anew; chunks
        that are missing in files are replaced by zeros, and come back when a later backup stores them again; archives
        that cannot be read are dropped, and what nothing refers to is deleted. Make a copy of the repository first.

        Examples:

            borg check -v /srv/repo
            borg check --repository-only --max-duration 3600 /srv/repo
            borg check --repair /srv/repo
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let filter: ArchiveFilterOptions
  private let repositoryOnly: Bool
  private let archivesOnly: Bool
  private let verifiesData: Bool
  private let repairs: Bool
  /// 0: no limit.
  private let maximumSeconds: Int

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    var filter = ArchiveFilterOptions(arguments)
    filter.selection.considersCheckpoints = true
    self.filter = filter
    repositoryOnly = arguments.has("--repository-only")
    archivesOnly = arguments.has("--archives-only")
    verifiesData = arguments.has("--verify-data")
    repairs = arguments.has("--repair")
    maximumSeconds = arguments.integer("--max-duration") ?? 0
  }

  var access: RepositoryAccess? {
    var access = RepositoryAccess(location, lock: .exclusive)
    if !repositoryOnly { access.expectations = .key }
    return access
  }

  func run(in context: CommandContext) throws -> ExitCode {
    if repairs { try askForConsent(context) }
    try checkCombination()
    if !archivesOnly {
      guard try context.repository.check(repair: repairs, maximumSeconds: maximumSeconds) else { return .warning }
    }
    guard !repositoryOnly else { return .success }
    var options = ArchiveChecker.Options()
    options.repairs = repairs
    options.archiveName = location.archive
    options.selection = filter.selection
    options.verifiesData = verifiesData
    let isFine = try ArchiveChecker(context.repository, options, context: context.sessionContext).run()
    return isFine ? .success : .warning
  }

  private func askForConsent(_ context: CommandContext) throws {
    let text = """
      This is a potentially dangerous function.
      check --repair might lead to data loss (for kinds of corruption it is not
      capable of dealing with). BE VERY CAREFUL!

      Type 'YES' if you understand this and want to continue: \

      """
    let consents = context.monitor.ask(
      Question(
        text: text, environmentVariable: "BORG_CHECK_I_KNOW_WHAT_I_AM_DOING", yesWords: ["YES"],
        falseMessage: "Aborting.", invalidMessage: "Invalid answer, aborting."))
    guard consents else { throw ArchiveError.cancelledByUser }
  }

  private func checkCombination() throws {
    if repositoryOnly, archivesOnly {
      throw ArchiveError.command("--repository-only contradicts --archives-only.")
    }
    if repositoryOnly, verifiesData || filter.isGiven {
      throw ArchiveError.command(
        "--repository-only contradicts --first, --last, --glob-archives, --prefix and --verify-data arguments.")
    }
    if repairs, maximumSeconds != 0 {
      throw ArchiveError.command("--repair does not allow --max-duration argument.")
    }
    if maximumSeconds != 0, !repositoryOnly {
      throw ArchiveError.command("--repository-only is required for --max-duration support.")
    }
  }
}
