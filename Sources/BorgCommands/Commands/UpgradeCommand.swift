import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// `borg upgrade`: the authentication of manifest and archives (archives.md section 9), and the conversion of
/// repositories that Attic and Borg before 1.0 have made.
struct UpgradeCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "upgrade", title: "Upgrade repository format / TAM state",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
      ],
      options: [
        OptionDeclaration("-n", "--dry-run", help: "change nothing: --tam and --archives-tam only report"),
        OptionDeclaration("--inplace", help: "do not make a hardlink copy first"),
        OptionDeclaration("--force", help: "with --tam/--archives-tam: accept an unauthenticated manifest"),
        OptionDeclaration("--tam", help: "require manifest authentication"),
        OptionDeclaration("--check-tam", help: "report manifest authentication state"),
        OptionDeclaration("--disable-tam", help: "stop requiring manifest authentication"),
        OptionDeclaration("--check-archives-tam", help: "report archive authentication state"),
        OptionDeclaration("--archives-tam", help: "authenticate all archives"),
      ],
      epilog: """
        Repositories made by Borg before 1.0.9 may hold a manifest or archives whose metadata are not authenticated.
        --check-tam and --check-archives-tam tell, --tam and --archives-tam put it right; before --archives-tam look with
        "borg list" and "borg info" whether you know all the archives.

        Without any of these options a repository of Attic is converted, and a key file of Borg before 1.0 is moved to where
        it is looked for now. Unless --inplace is given, a copy made of hard links is left beside the repository.
        """)
  }

  private enum Mode {
    case tam, disableTAM, archivesTAM, conversion
  }

  private let location: Location
  private let mode: Mode
  /// Nothing is changed.
  private let onlyChecks: Bool
  private let force: Bool
  private let inPlace: Bool

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY")
    let isDryRun = arguments.has("--dry-run")
    let checksArchives = arguments.has("--check-archives-tam")
    if checksArchives || arguments.has("--archives-tam") {
      (mode, onlyChecks) = (.archivesTAM, isDryRun || checksArchives)
    } else if arguments.has("--tam") || arguments.has("--check-tam") {
      (mode, onlyChecks) = (.tam, isDryRun || arguments.has("--check-tam"))
    } else {
      (mode, onlyChecks) = (arguments.has("--disable-tam") ? .disableTAM : .conversion, isDryRun)
    }
    force = arguments.has("--force")
    inPlace = arguments.has("--inplace")
  }

  var access: RepositoryAccess? {
    if mode == .conversion { return nil }
    var trust = RepositorySession.Trust()
    trust.acceptsUnauthenticatedManifest = force || mode == .disableTAM
    trust.ignoresInvalidArchiveTAM = mode != .disableTAM
    trust.keepsPassphrase = mode != .archivesTAM
    return RepositoryAccess(
      location, lock: .exclusive, manifest: mode == .disableTAM ? [] : [.check], assertsSecure: mode == .archivesTAM,
      trust: trust, cache: mode == .archivesTAM && !onlyChecks ? Cache.Options() : nil)
  }

  func prepare(in context: CommandContext) throws {
    if mode == .disableTAM, onlyChecks {
      throw ArchiveError.command("--disable-tam cannot be tried with --dry-run: use --check-tam.")
    }
  }

  func run(in context: CommandContext) throws -> ExitCode {
    switch mode {
    case .tam: onlyChecks ? try reportManifest(context) : try authenticateManifest(context)
    case .disableTAM: try stopRequiring(context)
    case .archivesTAM: onlyChecks ? try reportArchives(context) : try authenticateArchives(context)
    case .conversion: try convert(context)
    }
    return .success
  }
}

extension UpgradeCommand {
  private func convert(_ context: CommandContext) throws {
    guard location.isLocal else {
      throw ArchiveError.command("Only local repositories can be converted: run \"borg upgrade\" where it lies.")
    }
    let repository = try LocalRepository.openForConversion(
      location, lock: LockOptions(mode: .exclusive, waitSeconds: context.common.lockWaitSeconds),
      environment: context.environment, monitor: context.monitor)
    defer { repository.close() }
    context.cleanup.add { repository.close() }
    let now = Timestamp.format(nanoseconds: context.clock.now(), "%Y-%m-%d-%H:%M:%S", utc: false)
    try RepositoryUpgrade(
      repository, AtticConversion(inPlace: inPlace, isDryRun: onlyChecks), environment: context.environment,
      monitor: context.monitor
    ).run(now: now)
  }
}

/// The manifest's TAM.
extension UpgradeCommand {
  private func isRequiredByManifest(_ session: RepositorySession) -> Bool {
    session.manifestWasAuthenticated && session.manifestRequiresTAM
  }

  private func reportManifest(_ context: CommandContext) throws {
    let session = context.session
    let issues = [
      isRequiredByManifest(session) ? nil : "Repository Manifest is not TAM verified or a TAM is not required!",
      session.keyRequiresTAM == false ? "Key does not require TAM authentication!" : nil,
      session.security.tamRequiredMarker ? nil : "Client-side security database does not require a TAM!",
    ].compactMap { $0 }
    for issue in issues { warn(issue, context) }
    guard issues.isEmpty else { return }
    context.console.write("Manifest authentication setup OK for this client and this repository.\n")
  }

  private func authenticateManifest(_ context: CommandContext) throws {
    let session = context.session
    if !isRequiredByManifest(session) {
      context.console.write("Manifest contents:\n")
      for entry in try archives(session) { context.console.write(archiveLine(entry) + "\n") }
      try session.writeManifest(requiringTAM: true)
      try context.repository.commit(CommitOptions())
    }
    if session.keyRequiresTAM == false {
      try session.saveKey(requiringTAM: true)
      sayKeyUpdated(context)
    }
    if !session.security.tamRequiredMarker {
      try session.security.setTAMRequiredMarker(true)
      context.console.write("Updated security database\n")
    }
  }

  private func stopRequiring(_ context: CommandContext) throws {
    let session = context.session
    try session.security.setTAMRequiredMarker(false)
    if session.keyRequiresTAM == true {
      try session.saveKey(requiringTAM: false)
      sayKeyUpdated(context)
    }
    try session.writeManifest(requiringTAM: false)
    try context.repository.commit(CommitOptions())
  }

  private func sayKeyUpdated(_ context: CommandContext) {
    context.console.write("Key updated\nKey location: \(context.session.keyLocation)\n")
  }

  private func warn(_ text: String, _ context: CommandContext) {
    context.monitor.log(LogRecord(.warning, logger: "borg.archiver", text, warningCode: 1))
  }
}

/// The TAMs of archives.
extension UpgradeCommand {
  private func archives(_ session: RepositorySession) throws -> [Manifest.Entry] {
    var selection = ArchiveSelection()
    selection.considersCheckpoints = true
    return try session.manifest.select(selection)
  }

  private func reportArchives(_ context: CommandContext) throws {
    var issues = 0
    for entry in try archives(context.session) {
      let isPresent = try Archive(entry, in: context.session).isAuthenticated
      if !isPresent { issues += 1 }
      context.console.write("Archive TAM \(isPresent ? "present" : "missing"): \(archiveLine(entry))\n")
    }
    if issues > 0 { return warn("Found \(issues) archives with TAM issues!", context) }
    context.console.write("All archives are TAM authenticated.\n")
  }

  private func authenticateArchives(_ context: CommandContext) throws {
    var issues = 0
    for entry in try archives(context.session) {
      let archive = try Archive(entry, in: context.session)
      guard !archive.isAuthenticated else {
        context.console.write("Archive TAM present: \(archiveLine(entry))\n")
        continue
      }
      let id = try archive.authenticate(cache: context.cache)
      context.console.write("Added archive TAM:   \(archiveLine(entry)) -> [\(id.hex)]\n")
      issues += 1
    }
    try context.commit(context.cache)
    if issues > 0 { context.console.write("Fixed \(issues) archives with TAM issues!\n") }
    context.console.write("All archives are TAM authenticated\(issues > 0 ? " now" : "").\n")
  }
}
