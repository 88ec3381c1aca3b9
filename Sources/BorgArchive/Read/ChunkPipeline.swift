import BorgFormat
import BorgObjects
import BorgRepository

/// Fetches and unseals a long list of chunks with several threads, handing them out in order, with a bound on the
/// bytes held. Used by extract, item streams, tar: whoever knows what it will read. For one thread.
public final class ChunkPipeline {
  private let pipeline: OrderedPipeline<ChunkListEntry, [UInt8]>
  /// Of chunks, as the default chunker cuts them.
  private static let usualMaximumSize = 1 << 23
  /// The plaintext sizes of the chunks not handed out yet, as their list states them.
  private var sizes: [UInt32] = []
  private var firstSize = 0

  /// `threads` nil: one a processor. Results of damaged chunks are thrown at their turn.
  public init(repository: any Repository, codec: ObjectCodec, threads: Int? = nil, maximumBytesAhead: Int = 64 << 20) {
    pipeline = OrderedPipeline(
      threads: threads, maximumBytesAhead: maximumBytesAhead,
      announcing: Announcer(repository, maximumBytes: maximumBytesAhead, id: \.id), cost: \.count
    ) { chunk, workspace in
      let object = try repository.get(chunk.id)
      // Lists of stream chunks tell no sizes.
      guard chunk.size > 0 else { return try codec.unseal(object, id: chunk.id, workspace: workspace) }
      let size = Int(chunk.size)
      // A list that is wrong costs its file, which whoever asked finds out; one that is absurd must not cost all memory.
      let most = max(size, ChunkPipeline.usualMaximumSize)
      return try codec.unseal(object, id: chunk.id, sizeHint: size, maximumSize: most, workspace: workspace)
    }
  }

  /// Enqueues chunks to be fetched; never blocks.
  public func request(_ chunks: [ChunkListEntry]) {
    sizes.append(contentsOf: chunks.lazy.map(\.size))
    pendingBytes += chunks.reduce(0) { $0 + Int($1.size) }
    pipeline.request(chunks.lazy.map { (input: $0, expectedCost: Int($0.size)) })
  }

  /// The next requested chunk's plaintext, in request order.
  public func next() throws -> [UInt8] {
    precondition(pendingCount > 0, "nothing was requested")
    pendingBytes -= Int(sizes[firstSize])
    firstSize += 1
    if firstSize > 1024, firstSize > sizes.count / 2 {
      sizes.removeFirst(firstSize)
      firstSize = 0
    }
    return try pipeline.next()
  }

  /// How many requested chunks have not been handed out yet.
  public var pendingCount: Int { pipeline.pendingCount }
  /// Their plaintext bytes.
  public private(set) var pendingBytes = 0

  /// Ends the threads; pending chunks are dropped.
  public func close() {
    pipeline.close()
    sizes = []
    firstSize = 0
    pendingBytes = 0
  }
}
