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

  private let making: ArchiveRun

  /// Throws `ArchiveError.alreadyExists`. The cache must be open with the wanted files cache mode. The run's time
  /// begins here, or at `startMonotonic` when the command has begun it earlier.
  public init(
    named name: [UInt8], session: RepositorySession, cache: Cache, _ options: CreateOptions,
    interruption: Interruption = Interruption(), startMonotonic: Int64? = nil
  ) throws {
    making = try ArchiveRun(
      named: name, session: session, cache: cache, options, interruption: interruption,
      startMonotonic: startMonotonic)
  }

  /// Backs up everything and commits. Problems with single files become warnings on the monitor. Throws what the
  /// repository throws (the transaction is rolled back then), `ArchiveError.plain("Got Ctrl-C / SIGINT.")` after a
  /// requested stop, `Interruption.Aborted`, `ArchiveError.command` for a failing command. Call once.
  public func run() throws -> Outcome {
    let outcome = try making.complete(walk)
    making.options.matcher.reportGivenUp(to: making.session.context.monitor)
    return outcome
  }

  /// An error that makes the archive worthless, such as a failed command's, is thrown when all before it is on its way:
  /// the monitor shall hear of that.
  private func walk(_ street: Street) throws {
    let builder = BatchBuilder(street)
    let ahead = OpenAhead(looksFirst: making.knowsFilesByChangeTime)
    defer { ahead?.end() }
    let items = ItemBuilder(
      making.options, builder: builder, files: making.files, ahead: ahead, session: making.session,
      interruption: making.interruption)
    let walker = DirectoryWalker(
      making.options, listener: builder, builder: items, ahead: ahead, repository: making.session.repository.location,
      context: making.session.context, interruption: making.interruption)
    let input = CreateInput(
      making.options, listener: builder, builder: items, walker: walker, context: making.session.context)
    do {
      try input.run()
      try builder.flush()
    } catch let error as ArchiveError {
      try builder.flush()
      throw error
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
