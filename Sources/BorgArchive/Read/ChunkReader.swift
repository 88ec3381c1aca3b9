import BorgFormat
import BorgObjects
import BorgRepository

/// Ids in, plain chunks out: the only reader of chunks. Thread-safe; one fetch per missing chunk however many ask.
public final class ChunkReader: Sendable {
  /// `cacheBytes` bounds the plaintext kept; 0 keeps nothing.
  public init(repository: any Repository, codec: ObjectCodec, cacheBytes: Int) {
    fatalError("contract: BorgArchive read")
  }
  public func chunk(_ id: ChunkID, sizeHint: Int? = nil) throws -> [UInt8] { fatalError("contract: BorgArchive read") }

  /// Reads `chunks`' concatenated plaintext from `offset` into `buffer`; returns the count, short only at the end.
  public func read(
    _ chunks: [ChunkListEntry], offset: Int64, into buffer: UnsafeMutableRawBufferPointer
  ) throws -> Int { fatalError("contract: BorgArchive read") }
}

/// Fetches and unseals a long list of chunks with several threads, handing them out in order, with a bound on the
/// bytes held. Used by extract, item streams, tar: whoever knows what it will read.
public final class ChunkPipeline {
  /// `threads` nil: one a processor. Results of damaged chunks are thrown at their turn.
  public init(repository: any Repository, codec: ObjectCodec, threads: Int? = nil, maximumBytesAhead: Int = 64 << 20) {
    fatalError("contract: BorgArchive read")
  }
  /// Enqueues chunks to be fetched; never blocks.
  public func request(_ chunks: [ChunkListEntry]) { fatalError("contract: BorgArchive read") }
  /// The next requested chunk's plaintext, in request order.
  public func next() throws -> [UInt8] { fatalError("contract: BorgArchive read") }
  /// How many requested chunks have not been handed out yet, and their plaintext bytes.
  public var pendingCount: Int { fatalError("contract: BorgArchive read") }
  public var pendingBytes: Int { fatalError("contract: BorgArchive read") }
  /// Ends the threads; pending chunks are dropped.
  public func close() { fatalError("contract: BorgArchive read") }
}
