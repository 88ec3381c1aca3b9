import BorgArchive
import BorgMount
import BorgRepository
import BorgSystem

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
        background; "borg umount" ends it. It holds no lock: backups, prune and compact go on, and the archives they make and
        delete come and go in the mount, too. A server of real Borg locks its repository for reading while the mount is used.

        In the root of a mounted repository lies, unlisted, the folder .borg:

        .borg/latest            the newest archive
        .borg/by-date/          all archives by time
        .borg/by-host/HOST/     the archives of a host, and the latest of them
        .borg/history/PATH/     every name a folder ever had; every version of a file, by time and archive

        Mount options besides those of the system's mount command:

        versions             merge all archives: each file becomes a directory of its versions
        allow_damaged_files  let damaged files be read, with zeros for what is lost
        lock                 hold the repository's lock all the time; archives that are made meanwhile do not appear
        ignore_permissions   do not let the kernel check permissions
        cache_size=SIZE      keep so many bytes of contents (K, M, G; default: an eighth of the memory, at most 512M)
        index_size=SIZE      keep so many bytes of what was listed for the next mount (default: 1G; 0: none)
        uid=, gid=, umask=   show everything with this owner, group, or without these permission bits
        """)
  }

  static var allowsBypassLock: Bool { true }
  static var signalHandling: SignalHandling { .ownHandlers }

  private let location: Location
  private let mountPoint: [UInt8]
  private let staysInForeground: Bool
  private let optionText: String?
  private let selection: ArchiveSelection
  private let matcher: PatternMatcher
  private let usesNames: Bool
  private let strippedComponents: Int
  private let showsPartFiles: Bool

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    mountPoint = arguments.text("MOUNTPOINT") ?? []
    staysInForeground = arguments.has("--foreground")
    optionText = arguments.string("-o")
    selection = ArchiveFilterOptions(arguments).selection
    matcher = try ExclusionOptions(arguments).selectionMatcher(paths: arguments.texts("PATH"))
    usesNames = !arguments.has("--numeric-ids") && !arguments.has("--numeric-owner")
    strippedComponents = max(0, arguments.integer("--strip-components") ?? 0)
    showsPartFiles = arguments.has("--consider-part-files")
  }

  /// Without a lock, unless Borg's way is asked for: a mount would keep every writer out for as long as it lasts.
  var access: RepositoryAccess? {
    var access = RepositoryAccess(location, lock: .shared, manifest: [.read])
    access.readsBesideWriters = (try? MountOptions(parsing: optionText).holdsLock) != true
    access.reconnects = true
    return access
  }

  func prepare(in context: CommandContext) throws {
    if context.environment["BORG_FUSE_IMPL"] == "none" {
      throw MountError.notAvailable(reason: "BORG_FUSE_IMPL=none")
    }
    // Other faults of the options are told when the repository has been found.
    try (try? MountOptions(parsing: optionText))?.checkOtherUsers()
    try ArchiveMount.check(mountPoint: mountPoint, monitor: context.monitor)
  }

  func run(in context: CommandContext) throws -> ExitCode {
    context.monitor.info("Mounting filesystem", logger: "borg.archiver")
    let mount = try ArchiveMount(
      try view(of: context.session), of: context.session, matcher: matcher,
      options: try MountOptions(parsing: optionText), usesNames: usesNames, strippedComponents: strippedComponents,
      showsPartFiles: showsPartFiles)
    try mount.mount(at: try Files.absolute(mountPoint))
    do {
      if try !staysInForeground && mount.detach() == .caller { return .success }
    } catch MountError.backgroundUnresponsive {
      // Borg says 1 here, not 2.
      context.monitor.log(LogRecord(.error, logger: "borg.helpers", "\(MountError.backgroundUnresponsive)"))
      return .warning
    }
    try mount.serve(foreground: staysInForeground)
    matcher.reportGivenUp(to: context.monitor)
    return .success
  }

  /// Archive filters narrow a repository down; they say nothing about an archive that is named.
  private func view(of session: RepositorySession) throws -> ArchiveMount.View {
    guard let name = location.archive else {
      let selection = selection
      return .repository { try $0.select(selection) }
    }
    guard let entry = session.manifest.entry(named: name) else { throw ArchiveError.doesNotExist(name: name) }
    return .archive(entry)
  }
}
