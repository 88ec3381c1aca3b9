import BorgFormat
import BorgObjects
import BorgRepository

/// The chunks of archives' item streams, for those who decode them themselves.
public enum StreamChunks {
  private static let maximumBytesAhead = 16 << 20
  private static let usualSize = 128 << 10

  /// Fetches chunks ahead and in parallel. `decode` runs in the threads that fetch; `body` gets its results in order. `cost`
  /// of a result is the memory it takes, in bytes.
  public static func forEach<Output: Sendable>(
    _ ids: [ChunkID], in session: RepositorySession, cost: @escaping @Sendable (Output) -> Int,
    decode: @escaping @Sendable ([UInt8]) throws -> Output, _ body: (Output) throws -> Void
  ) throws {
    let (repository, codec) = (session.repository, session.codec)
    let pipeline = OrderedPipeline<ChunkID, Output>(
      threads: nil, maximumBytesAhead: maximumBytesAhead,
      announcing: Announcer(repository, maximumBytes: maximumBytesAhead) { $0 }, cost: cost
    ) { id, workspace in
      try decode(codec.unseal(repository.get(id), id: id, sizeHint: nil, workspace: workspace))
    }
    defer { pipeline.close() }
    pipeline.request(ids.map { (input: $0, expectedCost: usualSize) })
    for _ in ids { try body(pipeline.next()) }
  }
}
