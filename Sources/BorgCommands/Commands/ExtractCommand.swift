import BorgArchive
import BorgRepository
import BorgTransfer

/// `borg extract`: restores files below the current directory.
struct ExtractCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "extract", title: "Restore the contents of an archive",
      positionals: [
        PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive to restore from"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "paths to restore; patterns are supported"),
      ],
      options: [
        OptionDeclaration("--list", help: "list the paths that are restored"),
        OptionDeclaration("-n", "--dry-run", help: "read and verify everything, write nothing"),
        OptionDeclaration("--numeric-owner", help: "deprecated, use --numeric-ids instead"),
        OptionDeclaration("--numeric-ids", help: "use the stored user and group ids, not the names"),
        OptionDeclaration("--nobsdflags", help: "deprecated, use --noflags instead"),
        OptionDeclaration("--noflags", help: "do not restore file flags (such as immutable)"),
        OptionDeclaration("--noacls", help: "do not restore ACLs"),
        OptionDeclaration("--noxattrs", help: "do not restore extended attributes"),
        OptionDeclaration("--stdout", help: "write the contents of all files to standard output"),
        OptionDeclaration("--sparse", help: "make holes where a whole chunk is zero"),
      ] + ExclusionOptions.declarations + [ExclusionOptions.stripDeclaration],
      epilog: """
        Restores an archive, or the selected paths of it, below the current directory: there is no option to say where.
        What is in the way is replaced. Owners can only be restored by root.

        With --dry-run the data is read, decrypted and verified, but nothing is written.

        Examples:

            borg extract /srv/repo::monday
            borg extract --list /srv/repo::monday home/ann --exclude '*.o'
            borg extract --stdout /srv/repo::monday etc/hosts
        """)
  }

  static var allowsBypassLock: Bool { true }
  static var signalHandling: SignalHandling { .stopsItself }

  private let location: Location
  private let options: ExtractOptions

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("ARCHIVE")
    let matcher = try ExclusionOptions(arguments).selectionMatcher(paths: arguments.texts("PATH"))
    var options = ExtractOptions(matcher: matcher)
    options.stripComponents = max(0, arguments.integer("--strip-components") ?? 0)
    options.isDryRun = arguments.has("--dry-run")
    options.toStandardOutput = arguments.has("--stdout")
    options.numericIDs = arguments.has("--numeric-ids") || arguments.has("--numeric-owner")
    options.restoresFlags = !(arguments.has("--noflags") || arguments.has("--nobsdflags"))
    options.restoresXattrs = !arguments.has("--noxattrs")
    options.restoresACLs = !arguments.has("--noacls")
    options.sparse = arguments.has("--sparse")
    options.considersPartFiles = arguments.has("--consider-part-files")
    options.lists = arguments.has("--list")
    self.options = options
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.read]) }

  func run(in context: CommandContext) throws -> ExitCode {
    let archive = try Archive(named: location.archive ?? [], in: context.session)
    try Extraction(archive, options, interruption: context.interruption).run()
    return .success
  }
}
