import BorgArchive
import BorgFormat
import BorgObjects

/// Identifies chunks and seals the new ones: the hot part of create, once for each processor.
struct ChunkWorker {
  let street: Street
  let codec: ObjectCodec
  let chunks: ChunkIndex
  let reservations: Reservations
  let compressor: Compressor
  private let workspace = CodecWorkspace()
  /// All-zero chunks come again and again, in few sizes.
  private var zeroIDs: [Int: ChunkID] = [:]

  init(
    _ street: Street, codec: ObjectCodec, chunks: ChunkIndex, reservations: Reservations, compressor: Compressor
  ) {
    self.street = street
    self.codec = codec
    self.chunks = chunks
    self.reservations = reservations
    self.compressor = compressor
  }

  /// Works until the street ends.
  mutating func run() {
    do {
      while let batch = street.nextForWorker() {
        try process(batch)
        batch.arena = nil
        street.markReady(batch)
      }
    } catch {
      street.fail(error)
    }
  }

  private mutating func process(_ batch: Batch) throws {
    for index in batch.chunks.indices {
      switch batch.chunks[index].content {
      case .known: continue
      case .zeros(let count):
        // A hole costs nothing where its chunk is there already.
        if let id = zeroIDs[count], chunks[id] != nil {
          batch.chunks[index].id = id
          continue
        }
        let zeros = [UInt8](repeating: 0, count: count)
        try zeros.withUnsafeBytes { try process($0, &batch.chunks[index], batch) }
      case .slice(let offset, let count):
        guard let arena = batch.arena else { preconditionFailure("slices lie in an arena") }
        let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(arena.memory)[offset..<offset + count])
        try process(bytes, &batch.chunks[index], batch)
      }
    }
  }

  private mutating func process(
    _ bytes: UnsafeRawBufferPointer, _ chunk: inout PendingChunk, _ batch: Batch
  ) throws {
    let id = id(of: bytes)
    chunk.id = id
    if chunks[id] != nil || !reservations.reserve(id, for: batch.sequence) { return }
    chunk.object = try codec.seal(bytes, with: compressor, workspace: workspace)
  }

  private mutating func id(of bytes: UnsafeRawBufferPointer) -> ChunkID {
    guard isAllZero(bytes) else { return codec.key.id(of: bytes) }
    if let id = zeroIDs[bytes.count] { return id }
    let id = codec.key.id(of: bytes)
    if zeroIDs.count < 16 { zeroIDs[bytes.count] = id }
    return id
  }
}
