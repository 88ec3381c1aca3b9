import BorgArchive
import BorgRepository

/// `borg rename`: gives an archive a new name.
struct RenameCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "rename", title: "Rename an archive",
      positionals: [
        PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive to rename"),
        PositionalDeclaration("NEWNAME", .one, .archiveName, help: "its new name"),
      ],
      epilog: """
        The archive keeps its contents and gets a new id.

        Example:

            borg rename /srv/repo::monday before-the-move
        """)
  }

  private let location: Location
  private let newName: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("ARCHIVE")
    newName = arguments.text("NEWNAME") ?? []
  }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .exclusive, manifest: [.check], cache: Cache.Options())
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let archive = try Archive(named: location.archive ?? [], in: context.session)
    try archive.rename(to: newName, cache: context.cache)
    try context.commit(context.cache)
    return .success
  }
}
