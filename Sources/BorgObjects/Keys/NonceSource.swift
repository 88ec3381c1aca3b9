import Synchronization

/// Hands out disjoint ranges of AES-CTR counter values from durable reservations (keys.md section 5). Only encryption
/// moves it. One instance a repository session, for every thread.
public final class NonceSource: Sendable {
  /// Reserves durably: given the blocks needed and the end of the range held so far (nil: none), returns the range of
  /// counter values that may be used. Called with the source's lock held.
  public typealias Reserve = @Sendable (_ blocks: UInt64, _ heldEnd: UInt64?) throws -> Range<UInt64>

  private let reserve: Reserve
  private let held = Mutex<Range<UInt64>?>(nil)

  public init(reserve: @escaping Reserve) { self.reserve = reserve }

  /// The first of `blocks` counter values that nobody else has or will get.
  public func take(_ blocks: UInt64) throws -> UInt64 {
    try held.withLock { held in
      if let range = held, range.upperBound - range.lowerBound >= blocks {
        held = range.lowerBound + blocks..<range.upperBound
        return range.lowerBound
      }
      let range = try reserve(blocks, held?.upperBound)
      precondition(range.upperBound - range.lowerBound >= blocks, "a reservation must hold what was asked for")
      precondition(held.map { range.lowerBound >= $0.upperBound } ?? true, "a reservation must lie after the last")
      held = range.lowerBound + blocks..<range.upperBound
      return range.lowerBound
    }
  }
}
