import BorgArchive

/// `borg umount`: ends a mount.
struct UmountCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "umount", title: "Unmount what \"borg mount\" mounted",
      positionals: [PositionalDeclaration("MOUNTPOINT", .one, .text, help: "directory it is mounted on")],
      epilog: "The mount tools of the system (umount, fusermount -u) do the same.")
  }

  static var allowsBypassLock: Bool { true }

  init(_ arguments: ParsedArguments) throws {}

  func run(in context: CommandContext) throws -> ExitCode {
    throw ArchiveError.plain("umount is not available in this build")
  }
}
