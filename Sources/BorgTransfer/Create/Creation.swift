import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// One run of `create`: live files into a new archive, committed at the end (style: the create street).
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

  /// Throws `ArchiveError.alreadyExists`. The cache must be open with the wanted files cache mode.
  public init(
    named name: [UInt8], session: RepositorySession, cache: Cache, _ options: CreateOptions,
    interruption: Interruption = Interruption()
  ) throws {
    fatalError("contract: BorgTransfer create")
  }

  /// Backs up everything and commits. Problems with single files become warnings on the monitor. Throws what the
  /// repository throws (the transaction is rolled back then), `ArchiveError.plain("Got Ctrl-C / SIGINT.")` after a
  /// requested stop, `Interruption.Aborted`, `ArchiveError.command` for a failing command. Call once.
  public func run() throws -> Outcome {
    fatalError("contract: BorgTransfer create")
  }

  /// `create --dry-run`: walks and reports `-` and `x`, needs no repository. `repository` (when local) is skipped.
  public static func dryRun(
    _ options: CreateOptions, repository: Location?, context: SessionContext,
    interruption: Interruption = Interruption()
  ) throws {
    fatalError("contract: BorgTransfer create")
  }
}
