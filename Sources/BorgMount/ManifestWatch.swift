import BorgArchive
import BorgRepository
import BorgSystem
import Synchronization

/// Notices the archives that others make and delete while a mount is there. Thread-safe.
public final class ManifestWatch: Sendable {
  private let session: RepositorySession
  private let select: @Sendable (Manifest) throws -> [Manifest.Entry]
  private let state: Mutex<State>

  private struct State {
    var entries: [Manifest.Entry]
    var nextLook: Int64 = 0
    /// Of the manifest that was read last.
    var timestamp: [UInt8]?
    /// The repository has changed since the manifest was last read.
    var isStale = false
  }

  /// Two looks at the repository are at least so far apart.
  private static let nanosecondsBetweenLooks: Int64 = 1_000_000_000

  public init(
    of session: RepositorySession, showing entries: [Manifest.Entry],
    select: @escaping @Sendable (Manifest) throws -> [Manifest.Entry]
  ) {
    self.session = session
    self.select = select
    state = Mutex(State(entries: entries))
  }

  /// The selected archives when they are others than at the last call; nil when not, when that was less than a second
  /// ago, and when the repository cannot be read at present.
  func changedEntries() -> [Manifest.Entry]? {
    state.withLock { state in
      guard session.context.clock.monotonic() >= state.nextLook else { return nil }
      // A look may take long where the repository does not answer.
      defer { state.nextLook = session.context.clock.monotonic() + ManifestWatch.nanosecondsBetweenLooks }
      do {
        state.isStale = try session.repository.refresh() || state.isStale
        guard state.isStale else { return nil }
        let manifest = try session.latestManifest(notBefore: state.timestamp)
        let entries = try select(manifest)
        (state.timestamp, state.isStale) = (manifest.timestamp, false)
        guard entries != state.entries else { return nil }
        state.entries = entries
        return entries
      } catch {
        session.context.monitor.note("The repository's archives cannot be read: \(error)", logger: "borg.fuse")
        return nil
      }
    }
  }
}
