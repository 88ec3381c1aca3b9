import BorgArchive
import BorgObjects
import BorgRepository
import BorgSystem
import Glibc

/// `borg init`: makes a repository and its key.
struct InitCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "init", title: "Initialize an empty repository",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository to make")
      ],
      options: [
        OptionDeclaration(
          "-e", "--encryption", action: .value(.choice(modes)), metavar: "MODE", required: true,
          help: "how the key is kept and what it does, see below (required)"),
        OptionDeclaration(
          "--append-only",
          help: "make it append-only: deleting does not free space until the mode is changed. It does not stop "
            + "anybody who can write to the repository's files."),
        OptionDeclaration(
          "--storage-quota", action: .value(.storageQuota), metavar: "QUOTA",
          help: "let the repository hold at most so much, such as 5G or 1.5T"),
        OptionDeclaration("--make-parent-dirs", help: "make the directories above the repository, too"),
        OptionDeclaration(
          "--import-related-secrets", action: .value(.path), metavar: "PATH",
          help: "take id key and chunk seed from this file (see \"borg key export-related-secrets\"), so that chunks "
            + "of both repositories are alike"),
      ],
      epilog: """
        A repository is a directory. Its encryption mode is chosen once and for all:

        mode                    hash of ids   encrypted   key is kept in
        none                    SHA-256       no          -
        authenticated           HMAC-SHA-256  no          the repository
        authenticated-blake2    BLAKE2b       no          the repository
        repokey                 HMAC-SHA-256  AES-256     the repository
        repokey-blake2          BLAKE2b       AES-256     the repository
        keyfile                 HMAC-SHA-256  AES-256     a file of yours
        keyfile-blake2          BLAKE2b       AES-256     a file of yours

        The key is protected by a passphrase. With a keyfile mode nobody can read the repository without the key file
        and the passphrase, with a repokey mode the passphrase is enough. Save copies of both: without them the backups
        are lost. BLAKE2b is usually slower than SHA-256 on machines that compute SHA-256 in hardware.

        Example:

            borg init --encryption=repokey /srv/repo
        """)
  }

  static var signalHandling: SignalHandling { .endsProcessAsCancelled }

  private static let modes = [
    "none", "keyfile", "repokey", "authenticated", "keyfile-blake2", "repokey-blake2", "authenticated-blake2",
  ]

  private let location: Location
  private let type: KeyType
  private let options: LocalRepository.CreateOptions
  private let relatedSecrets: [UInt8]?

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY")
    let mode = arguments.string("--encryption") ?? ""
    guard let type = KeyType(modeName: mode) else { preconditionFailure("no key type is called \(mode)") }
    self.type = type
    var options = LocalRepository.CreateOptions()
    options.appendOnly = arguments.has("--append-only")
    options.storageQuota = Int64(arguments.integer("--storage-quota") ?? 0)
    options.makesParentDirectories = arguments.has("--make-parent-dirs")
    self.options = options
    relatedSecrets = arguments.bytes("--import-related-secrets")
  }

  var access: RepositoryAccess? {
    var access = RepositoryAccess(location, lock: .exclusive, creation: options)
    access.expectations = .freeNonce
    return access
  }

  func prepare(in context: CommandContext) throws {
    context.monitor.info("Initializing repository at \"\(location.canonicalPath)\"", logger: "borg.archiver")
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let repository = context.repository
    context.cleanup.add { try? repository.destroy() }
    let secrets = try readSecrets(repository)
    _ = try RepositorySession.initialize(
      repository: repository, type: type, secretsFrom: secrets, context: context.sessionContext,
      onCommit: { context.cleanup.discard() })
    if type != .plaintext { context.monitor.logLines([InitCommand.reminder], level: .warning, logger: "borg.archiver") }
    return .success
  }

  /// Nothing is left of a repository whose related secrets cannot be read.
  private func readSecrets(_ repository: any Repository) throws -> RelatedSecrets? {
    do {
      return try relatedSecrets.map { path in
        try RelatedSecrets(parsing: readSecrets(path), path: String(decoding: path, as: UTF8.self))
      }
    } catch {
      try? repository.destroy()
      throw error
    }
  }

  private func readSecrets(_ path: [UInt8]) throws -> [UInt8] {
    let limit = 1 << 20
    guard path == [UInt8(ascii: "-")] else { return try Files.read(path, limit: limit) }
    return try File(descriptor: dup(STDIN_FILENO), path: Array("<stdin>".utf8)).readAll(limit: limit)
  }

  private static let reminder = """

    IMPORTANT: you will need both KEY AND PASSPHRASE to access this repo!

    Key storage location depends on the mode:
    - repokey modes: key is stored in the repository directory.
    - keyfile modes: key is stored in the home directory of this user.

    For any mode, you should:
    1. Export the borg key and store the result at a safe place:
       borg key export           REPOSITORY encrypted-key-backup
       borg key export --paper   REPOSITORY encrypted-key-backup.txt
       borg key export --qr-html REPOSITORY encrypted-key-backup.html
    2. Write down the borg key passphrase and store it at safe place.

    """
}
