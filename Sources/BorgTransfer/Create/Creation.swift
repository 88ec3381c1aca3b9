import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// One run of `create`: live files into a new archive, committed at the end.
///
/// The calling thread walks and reads (one more opens small files ahead of it), one worker a processor identifies and
/// seals chunks, and one thread collects: it stores chunks and items in walk order. `Street` connects them with bounded
/// queues.
public final class Creation {
  public struct Outcome: Sendable {
    public var archive: Archive
    public var statistics: Statistics
    /// Nanoseconds since 1970.
    public var start: Int64
    public var end: Int64
    /// Nanoseconds by the monotonic clock.
    public var duration: Int64
  }

  private let options: CreateOptions
  private let session: RepositorySession
  private let cache: Cache
  private let interruption: Interruption
  private let writer: ArchiveWriter
  private let startMonotonic: Int64
  private let currentDirectory: [UInt8]

  /// Throws `ArchiveError.alreadyExists`. The cache must be open with the wanted files cache mode. The run's time
  /// begins here, or at `startMonotonic` when the command has begun it earlier.
  public init(
    named name: [UInt8], session: RepositorySession, cache: Cache, _ options: CreateOptions,
    interruption: Interruption = Interruption(), startMonotonic: Int64? = nil
  ) throws {
    self.options = options
    self.session = session
    self.cache = cache
    self.interruption = interruption
    self.startMonotonic = startMonotonic ?? session.context.clock.monotonic()
    currentDirectory = try Files.currentDirectory()
    var archive = ArchiveWriter.Options()
    archive.compressor = options.compressor
    archive.chunkerParameters = options.chunkerParameters
    archive.comment = options.comment
    archive.timestamp = options.timestamp
    archive.commandLine = options.commandLine
    archive.cwd = currentDirectory
    archive.startMonotonic = self.startMonotonic
    writer = try ArchiveWriter(named: name, session: session, cache: cache, archive)
  }

  /// Backs up everything and commits. Problems with single files become warnings on the monitor. Throws what the
  /// repository throws (the transaction is rolled back then), `ArchiveError.plain("Got Ctrl-C / SIGINT.")` after a
  /// requested stop, `Interruption.Aborted`, `ArchiveError.command` for a failing command. Call once.
  public func run() throws -> Outcome {
    do {
      let archive = try backUp()
      return Outcome(
        archive: archive, statistics: writer.statistics, start: archive.start, end: archive.end,
        duration: session.context.clock.monotonic() - startMonotonic)
    } catch {
      try? session.repository.rollback()
      throw error
    }
  }

  private func backUp() throws -> Archive {
    let street = Street(arenaSize: ContentReader.arenaSize(options.chunkerParameters))
    let files = SharedFilesCache(cache, currentDirectory: currentDirectory)
    let reservations = Reservations()
    let collector = Collector(
      street, writer: writer, cache: cache, files: files, reservations: reservations,
      checkpointIntervalSeconds: options.checkpointIntervalSeconds, interruption: interruption)
    var threads: [Worker] = []
    var inputError: ArchiveError?
    do {
      threads.append(try Worker { collector.run() })
      for _ in 0..<max(1, options.workerCount ?? availableProcessorCount()) {
        let (codec, chunks, compressor) = (session.codec, cache.chunks, options.compressor)
        threads.append(
          try Worker {
            var worker = ChunkWorker(
              street, codec: codec, chunks: chunks, reservations: reservations, compressor: compressor)
            worker.run()
          })
      }
      inputError = try walk(street, files)
      street.finish()
    } catch {
      street.fail(error)
    }
    for thread in threads { thread.join() }
    if let error = street.error ?? inputError { throw error }
    return try collector.complete()
  }

  /// Returns an error that makes the archive worthless, such as a failed command's, when all before it is on its way:
  /// the monitor shall hear of that.
  private func walk(_ street: Street, _ files: SharedFilesCache) throws -> ArchiveError? {
    let builder = BatchBuilder(street)
    let ahead = OpenAhead()
    defer { ahead?.end() }
    let items = ItemBuilder(
      options, builder: builder, files: files, ahead: ahead, session: session, interruption: interruption)
    let walker = DirectoryWalker(
      options, listener: builder, builder: items, ahead: ahead, repository: session.repository.location,
      context: session.context, interruption: interruption)
    let input = CreateInput(options, listener: builder, builder: items, walker: walker, context: session.context)
    do {
      try input.run()
      try builder.flush()
      return nil
    } catch let error as ArchiveError {
      try builder.flush()
      return error
    }
  }

  /// `create --dry-run`: walks and reports `-` and `x`, needs no repository. `repository` (when local) is skipped.
  public static func dryRun(
    _ options: CreateOptions, repository: Location?, context: SessionContext,
    interruption: Interruption = Interruption()
  ) throws {
    let reporter = DryRunReporter(context.monitor, interruption)
    let walker = DirectoryWalker(
      options, listener: reporter, builder: nil, repository: repository, context: context, interruption: interruption)
    try CreateInput(options, listener: reporter, builder: nil, walker: walker, context: context).run()
    if interruption.isStopRequested { throw ArchiveError.plain("Got Ctrl-C / SIGINT.") }
  }
}

/// Passes on what a walk tells, at once: there is no street in a dry run.
private final class DryRunReporter: WalkListener {
  private let monitor: any Monitor
  private let interruption: Interruption

  init(_ monitor: any Monitor, _ interruption: Interruption) {
    self.monitor = monitor
    self.interruption = interruption
  }

  var isDone: Bool { interruption.isStopRequested }

  func status(_ letter: UInt8, _ path: [UInt8]) {
    if monitor.wantsFileStatus { monitor.fileStatus(Character(UnicodeScalar(letter)), path: path) }
  }

  func warn(_ problem: BackupProblem, _ path: [UInt8]) { monitor.warn(problem, path: path) }
  func fileChanged(_ path: [UInt8]) {}
}
