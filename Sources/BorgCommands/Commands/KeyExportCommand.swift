import BorgArchive
import BorgRepository
import BorgSystem
import Glibc

/// `borg key export`: writes a copy of the key to a file, for a safe place.
struct KeyExportCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "key export", title: "Export the key",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository"),
        PositionalDeclaration("PATH", .zeroOrOne, .path, help: "output file, default stdout"),
      ],
      options: [
        OptionDeclaration("--paper", help: "text form for printing"),
        OptionDeclaration("--qr-html", help: "HTML form with QR code"),
      ],
      epilog: """
        Copies the key of an encrypted repository. The copy stays protected by the passphrase; whoever has lost key or
        passphrase has lost the backups. --paper makes lines that "borg key import --paper" takes when typed in, --qr-html a page to print with
        these lines and a QR code of the key file.

        Examples:

            borg key export /srv/repo key-backup
            borg key export --paper /srv/repo key-backup.txt
        """)
  }

  private enum Form { case file, paper, html }

  private let location: Location
  private let path: [UInt8]?
  private let form: Form

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH")
    form = arguments.has("--paper") ? .paper : arguments.has("--qr-html") ? .html : .file
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .none) }

  func run(in context: CommandContext) throws -> ExitCode {
    let manager = try KeyManager(repository: context.repository, environment: context.environment)
    try context.write(try text(manager), toPathOrOutput: path)
    return .success
  }

  private func text(_ manager: KeyManager) throws -> [UInt8] {
    switch form {
    case .file: return try manager.keyFile()
    case .paper: return Array(try manager.paperKey().utf8)
    case .html:
      guard let page = KeyPage(keyFile: try manager.keyFile(), paperKey: try manager.paperKey()) else {
        throw ArchiveError.plain("The key is too long for a QR code.")
      }
      return Array(page.html.utf8)
    }
  }
}

extension CommandContext {
  /// Writes a whole file, or to standard output for nil and `-`. Throws `ArchiveError.command` for a directory.
  func write(_ bytes: [UInt8], toPathOrOutput path: [UInt8]?) throws {
    guard let path, path != [UInt8(ascii: "-")] else { return console.write(bytes) }
    do {
      let file = try File.open(path, O_WRONLY | O_CREAT | O_TRUNC)
      try file.write(bytes)
      try file.close()
    } catch let error as SystemError where error.code == EISDIR {
      throw ArchiveError.command("'\(String(decoding: path, as: UTF8.self))' must be a file, not a directory")
    }
  }
}
