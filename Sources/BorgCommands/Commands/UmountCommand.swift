import BorgSystem
import Glibc

/// `borg umount`: ends a mount.
struct UmountCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "umount", title: "Unmount what \"borg mount\" mounted",
      positionals: [PositionalDeclaration("MOUNTPOINT", .one, .text, help: "directory it is mounted on")],
      epilog: """
        Ends a mount of "borg mount" or borgfs. The mount tools of the system (umount, fusermount -u) do the same.

        Example:

            borg umount /mnt
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let mountPoint: String

  init(_ arguments: ParsedArguments) throws {
    mountPoint = String(decoding: arguments.text("MOUNTPOINT") ?? [], as: UTF8.self)
  }

  /// Runs the first tool that is there; its exit code, shown as a warning, is ours.
  func run(in context: CommandContext) throws -> ExitCode {
    for tool in [["fusermount", "-u"], ["fusermount3", "-u"], ["umount"]] {
      do {
        let child = try ChildProcess(tool + [mountPoint], environment: context.environment)
        return ExitCode(try child.wait())
      } catch let error as SystemError where error.code == ENOENT {
        continue
      }
    }
    throw SystemError(code: ENOENT, path: Array("umount".utf8))
  }
}
