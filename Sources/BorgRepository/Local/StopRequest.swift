import Synchronization

/// Asks a long work on segments to end: whoever closes the repository from another thread, because a signal ends the
/// process, must not wait for a check or a compaction of hours. What is on disk then is what a crash leaves.
final class StopRequest: Sendable {
  private let isMade = Atomic<Bool>(false)

  func make() { isMade.store(true, ordering: .relaxed) }
  func withdraw() { isMade.store(false, ordering: .relaxed) }

  /// Throws `RepositoryError.refused` when asked to end.
  func check() throws {
    if isMade.load(ordering: .relaxed) { throw RepositoryError.refused("The repository was closed meanwhile.") }
  }
}
