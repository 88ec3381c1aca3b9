import Synchronization

/// What signals ask of a running command. Signal handling sets it, the working threads look at it between steps; every
/// call is safe in a signal handler.
public final class Interruption: Sendable {
  private let level = Atomic<Int>(0)
  private let wantsProgress = Atomic<Bool>(false)

  public init() {}

  /// SIGINT, the first: create writes a checkpoint and stops, extract stops after the current item; both then throw
  /// `ArchiveError.plain("Got Ctrl-C / SIGINT.")` (cli.md section 3).
  public func requestStop() { _ = level.max(1, ordering: .relaxed) }
  /// SIGTERM, SIGHUP, a second SIGINT: stop at once without a checkpoint; the work throws `Aborted`.
  public func requestAbort() { _ = level.max(2, ordering: .relaxed) }
  /// SIGUSR1: one INFO line with the current path.
  public func requestProgress() { wantsProgress.store(true, ordering: .relaxed) }

  public var isStopRequested: Bool { level.load(ordering: .relaxed) > 0 }
  public var isAbortRequested: Bool { level.load(ordering: .relaxed) > 1 }
  /// Whether progress was asked for since the last call.
  public func takeProgressRequest() -> Bool {
    guard wantsProgress.load(ordering: .relaxed) else { return false }
    return wantsProgress.exchange(false, ordering: .relaxed)
  }

  /// Thrown when the work ended because of `requestAbort`.
  public struct Aborted: Error, Equatable {
    public init() {}
  }
}
