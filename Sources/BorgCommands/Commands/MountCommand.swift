import BorgArchive
import BorgRepository

/// `borg mount`: shows a repository or an archive as a file system.
struct MountCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "mount", title: "Mount a repository or an archive as a file system",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY_OR_ARCHIVE", .one, .location(.optional), help: "repository or archive to mount"),
        PositionalDeclaration("MOUNTPOINT", .one, .text, help: "directory to mount it on"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "paths to show; patterns are supported"),
      ],
      options: [
        OptionDeclaration("--consider-checkpoints", help: "show checkpoint archives, too"),
        OptionDeclaration("-f", "--foreground", help: "stay in the foreground"),
        OptionDeclaration(
          "-o", action: .value(.text), metavar: "OPTIONS", onceOnly: true, help: "mount options, comma-separated"),
        OptionDeclaration("--numeric-owner", help: "deprecated, use --numeric-ids instead"),
        OptionDeclaration("--numeric-ids", help: "show the stored user and group ids, not those of the names"),
      ] + ArchiveFilterOptions.declarations + ExclusionOptions.declarations + [ExclusionOptions.stripDeclaration],
      exclusive: ArchiveFilterOptions.exclusive,
      epilog: """
        Shows an archive, or all archives of a repository, one directory each, as a read-only file system. It goes to the
        background; "borg umount" ends it.

        Mount options besides those of the system's mount command:

        versions             merge all archives: each file becomes a directory of its versions
        allow_damaged_files  let damaged files be read, with zeros for what is lost
        ignore_permissions   do not let the kernel check permissions
        uid=, gid=, umask=   show everything with this owner, group, or without these permission bits
        """)
  }

  static var allowsBypassLock: Bool { true }
  static var signalHandling: SignalHandling { .ownHandlers }

  init(_ arguments: ParsedArguments) throws {}

  func run(in context: CommandContext) throws -> ExitCode {
    throw ArchiveError.plain("mount is not available in this build")
  }
}
