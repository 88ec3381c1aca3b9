import BorgFormat

/// Pull form of an archive's items: decoded ahead by worker threads, handed out in archive order on the caller's
/// thread. Call `close` (or exhaust it) before letting go.
public final class ItemStream {
  public init(_ archive: Archive) throws { fatalError("contract: BorgArchive read") }
  public func next() throws -> Item? { fatalError("contract: BorgArchive read") }
  public func close() { fatalError("contract: BorgArchive read") }
}

/// Skims an archive's item stream for a tree.
public enum ItemScanner {
  /// Calls `body` for each item in archive order; stream chunks are fetched and decoded ahead in parallel.
  public static func scan(
    _ archive: Archive, _ body: (borrowing ItemSummary) throws -> Void
  ) throws { fatalError("contract: BorgArchive read") }

  /// Decodes one item at a location that `scan` gave.
  public static func item(in archive: Archive, at location: ItemLocation, reader: ChunkReader) throws -> Item {
    fatalError("contract: BorgArchive read")
  }
}
