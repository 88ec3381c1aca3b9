import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTransfer

/// `borg recreate`: rewrites archives.
struct RecreateCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "recreate", title: "Rewrite archives",
      positionals: [
        PositionalDeclaration("REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "keep only these paths"),
      ],
      options: [
        OptionDeclaration("--list", help: "report every processed object"),
        OptionDeclaration(
          "--filter", action: .value(.text), metavar: "STATUSCHARS", onceOnly: true,
          help: "with --list: show only lines whose status letter is in this set"),
        OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
        OptionDeclaration("-s", "--stats", help: "print statistics at the end"),
      ]
        + ExclusionOptions.declarations
        + ExclusionOptions.tagDeclarations
        + [
          OptionDeclaration(
            "--target", action: .value(.archiveName), metavar: "TARGET", group: .archive,
            help: "write a new archive of this name and keep the original"),
          OptionDeclaration(
            "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS", group: .archive,
            help: "seconds between checkpoints, 0 = never"),
          OptionDeclaration(
            "--comment", action: .value(.expanded), metavar: "COMMENT", group: .archive,
            help: "new comment (placeholders are expanded); default keep"),
          OptionDeclaration(
            "--timestamp", action: .value(.timestamp), metavar: "TIMESTAMP", group: .archive,
            help: "archive start time: UTC timestamp or path of a file whose mtime is used"),
          OptionDeclaration(
            "-C", "--compression", action: .value(.compression), metavar: "COMPRESSION", group: .archive,
            help: "compression specification"),
          OptionDeclaration(
            "--recompress", action: .optionalValue(.choice(["never", "if-different", "always"]), bare: "if-different"),
            metavar: "MODE", group: .archive, help: "when to recompress chunks; without value: if-different"),
          OptionDeclaration(
            "--chunker-params", action: .value(.chunkerParameters), metavar: "PARAMS", group: .archive, onceOnly: true,
            help: "re-chunk with these parameters"),
        ],
      epilog: """
        Rewrites archives: leaves out paths, changes comments, recompresses or cuts chunks anew. The original is replaced
        when its successor is complete, unless --target names another archive. Without an ARCHIVE all archives of the
        repository are rewritten. Space is freed by "borg compact" afterwards.

        What is left out is gone for good: use --dry-run --list first. --recompress takes the place of the word behind
        it, so write --recompress=always or give another option after it.

        Examples:

            borg recreate --exclude '*.iso' --dry-run --list /srv/repo
            borg recreate --compression zstd,10 --recompress=always /srv/repo::monday
            borg recreate --comment 'before the move' /srv/repo::monday
        """)
  }

  static var signalHandling: SignalHandling { .stopsItself }

  private let location: Location
  private let options: RecreateOptions
  private let target: [UInt8]?
  private let showsStatistics: Bool

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    target = arguments.bytes("--target")
    showsStatistics = arguments.has("--stats") && !arguments.has("--dry-run")
    let exclusions = try ExclusionOptions(arguments)
    let paths = arguments.texts("PATH")
    _ = try exclusions.selectionMatcher(paths: paths)
    var options = RecreateOptions { try exclusions.selectionMatcher(paths: paths) }
    options.isDryRun = arguments.has("--dry-run")
    options.excludesCaches = arguments.has("--exclude-caches")
    options.excludeIfPresent = arguments.allBytes("--exclude-if-present")
    options.keepsExcludeTags = arguments.has("--keep-exclude-tags")
    options.comment = arguments.bytes("--comment")
    options.checkpointIntervalSeconds = max(0, arguments.integer("--checkpoint-interval") ?? 1800)
    if case .timestamp(let time)? = arguments.value("--timestamp") { options.timestamp = time }
    if case .compressor(let compressor)? = arguments.value("--compression") { options.compressor = compressor }
    if case .chunkerParameters(let parameters)? = arguments.value("--chunker-params") {
      options.chunkerParameters = parameters
    }
    if let mode = arguments.string("--recompress").flatMap(RecreateOptions.Recompression.init) {
      options.recompression = mode
    }
    self.options = options
  }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .exclusive, manifest: [.check], cache: Cache.Options())
  }

  func run(in context: CommandContext) throws -> ExitCode {
    var options = options
    options.commandLine = context.commandLine
    let recreation = Recreation(
      session: context.session, cache: context.cache, options, interruption: context.interruption)
    if let name = location.archive {
      try recreate(name, recreation, context)
    } else {
      try recreateAll(recreation, context)
    }
    if !options.isDryRun { try context.commit(context.cache) }
    return .success
  }

  private func recreate(_ name: [UInt8], _ recreation: Recreation, _ context: CommandContext) throws {
    if Recreation.isTemporary(name) {
      throw ArchiveError.command("Refusing to work on temporary archive of prior recreate: \(displayText(name))")
    }
    let result = try recreation.run(name, target: target)
    if case .nothingToDo = result {
      throw ArchiveError.command(
        """
        Nothing to do. Archive was not processed.
        Specify at least one pattern, PATH, --comment, re-compression or re-chunking option.
        """)
    }
    try report(result, context)
  }

  private func recreateAll(_ recreation: Recreation, _ context: CommandContext) throws {
    guard target == nil else { throw ArchiveError.command("--target: Need to specify single archive") }
    var selection = ArchiveSelection()
    selection.considersCheckpoints = true
    for entry in try context.session.manifest.select(selection) where !Recreation.isTemporary(entry.name) {
      let name = displayText(entry.name)
      context.console.write("Processing \(name)\n")
      let result = try recreation.run(entry.name, target: nil)
      if case .nothingToDo = result {
        context.monitor.info(
          "Skipped archive \(name): Nothing to do. Archive was not processed.", logger: "borg.archiver")
      }
      try report(result, context)
    }
  }

  private func report(_ result: Recreation.Result, _ context: CommandContext) throws {
    guard showsStatistics, case .done(let outcome) = result else { return }
    let totals = try RepositoryTotals(
      context.session, context.cache, considersPartFiles: context.common.considersPartFiles)
    context.monitor.logLines(
      CreationReport(outcome, commandLine: context.commandLine)
        .lines(context.session, totals, context.cache, iec: context.common.usesIEC),
      logger: "borg.output.stats")
  }
}
