import BorgFormat
import Synchronization

/// New chunks on their way to the repository, by the batch that carries each first.
///
/// The collector stores chunks in walk order. So a worker that meets an id which the same or an earlier batch carries
/// need not seal it again: by the time the collector comes to it, the chunk is stored. If a later batch was quicker,
/// the worker seals the chunk itself; the collector stores the first it meets and drops the other.
final class Reservations: Sendable {
  private let earliest = Mutex<[ChunkID: Int]>([:])

  /// Whether `batch` has to bring the chunk.
  func reserve(_ id: ChunkID, for batch: Int) -> Bool {
    earliest.withLock { earliest in
      if let first = earliest[id], first <= batch { return false }
      earliest[id] = batch
      return true
    }
  }

  /// The chunk is in the chunk index now.
  func release(_ id: ChunkID) {
    earliest.withLock { _ = $0.removeValue(forKey: id) }
  }
}
