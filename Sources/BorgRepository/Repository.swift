import BorgFormat

/// Objects by id; changes become real at commit. Every implementation may be called from any thread: reads run in
/// parallel, changes are serialised inside. Errors: `RepositoryError`, `IntegrityError`, `SystemError`.
public protocol Repository: AnyObject, Sendable {
  var id: ChunkID { get }
  var location: Location { get }

  func get(_ id: ChunkID) throws -> [UInt8]
  /// Hints that these will soon be asked for; may do nothing.
  func prefetch(_ ids: [ChunkID])
  /// The same, with about how many bytes each of the first ones has.
  func prefetch(_ ids: [ChunkID], sizes: [Int])
  /// So many bytes should be announced by `prefetch` ahead of their use; 0: an object is here when it is asked for.
  var readAheadBytes: Int { get }
  func put(_ id: ChunkID, _ object: [UInt8]) throws
  func delete(_ id: ChunkID) throws
  /// Waits for changes that are still on their way; throws the first error among them.
  func settle() throws
  func contains(_ id: ChunkID) throws -> Bool
  /// Ids in index order after `marker`; at most `limit`.
  func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID]
  /// Ids in on-disk order after `marker`; at most `limit`.
  func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID]
  func objectCount() throws -> Int
  /// Commits the open transaction; opens an empty one if there is none.
  func commit(_ options: CommitOptions) throws
  func rollback() throws
  /// Verifies the whole repository, or with `repair` mends it. True: no error left.
  func check(repair: Bool, maximumSeconds: Int) throws -> Bool

  /// The nonce file's value, nil when there is none.
  func freeNonce() throws -> UInt64?
  /// Sets the nonce file if it still holds `start`.
  func commitNonceReservation(next: UInt64, start: UInt64?) throws
  /// The `key` option of the config, stripped; empty when there is none.
  func loadKey() throws -> [UInt8]
  func saveKey(_ key: [UInt8]) throws

  /// Deletes the repository from disk.
  func destroy() throws
  /// Whether others have changed what `get` gives since it was last asked; nothing is known before the first `get`. For
  /// those who read without a lock: whoever holds one is always told no.
  func refresh() throws -> Bool
  /// Lets go of open files until they are needed again, so that others can free their space.
  func releaseFiles()

  /// Lets go of the lock. Idempotent; an open transaction is left to the next writer's clean-up.
  func close()
}

extension Repository {
  public func refresh() throws -> Bool { false }
  public func releaseFiles() {}
}

public struct CommitOptions: Sendable {
  /// Compact segments whose freeable share is above `threshold` (0…1).
  public var compacts = false
  public var threshold = 0.1
  public var cleanupCommits = false

  public init(compacts: Bool = false, threshold: Double = 0.1, cleanupCommits: Bool = false) {
    self.compacts = compacts
    self.threshold = threshold
    self.cleanupCommits = cleanupCommits
  }
}

extension Repository {
  public var readAheadBytes: Int { 0 }
  public func prefetch(_ ids: [ChunkID], sizes: [Int]) { prefetch(ids) }
  public func settle() throws {}
}

extension Repository {
  /// Calls `body` with the ids of all objects in index order, so many at a time at most. Throws `RemoteError.repeatedList`,
  /// too.
  public func forEachPage(of size: Int, _ body: ([ChunkID]) throws -> Void) throws {
    var progress = ListingProgress()
    while true {
      let ids = try list(after: progress.marker, limit: size)
      guard let last = ids.last else { return }
      try body(ids)
      try progress.advance(to: last)
    }
  }
}
