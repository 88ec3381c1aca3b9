import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Takes items over into a new archive: chunks are referenced once more, stored anew with another compression, or cut
/// anew. Every object that is stored is sealed with counters that nothing used before.
final class RecreatedContents {
  private let session: RepositorySession
  private let cache: Cache
  private let writer: ArchiveWriter
  private let options: RecreateOptions
  private let workspace = CodecWorkspace()
  private let monitor: any Monitor
  private let interruption: Interruption
  private let cutter: ContentCutter?
  private var lastCheckpoint: Int64
  private var progress: ArchiveProgressReport

  /// `chunkerParameters` nil: chunks stay as they were cut.
  init(
    session: RepositorySession, cache: Cache, writer: ArchiveWriter, _ options: RecreateOptions,
    chunkerParameters: ChunkerParameters?, interruption: Interruption
  ) {
    self.session = session
    self.cache = cache
    self.writer = writer
    self.options = options
    self.interruption = interruption
    monitor = session.context.monitor
    cutter = chunkerParameters.map { ContentCutter($0, seed: session.key.chunkSeed) }
    lastCheckpoint = session.context.clock.monotonic()
    progress = ArchiveProgressReport(monitor, session.context.clock)
  }

  /// `settled`: the chunks that this run has stored already.
  func add(_ item: Item, _ settled: inout Set<ChunkID>) throws {
    guard let chunks = item.chunks else { return try writer.add(item) }
    var item = item
    if options.recompression == .never, cutter == nil {
      for chunk in chunks { _ = try addReference(chunk.id) }
    } else {
      try rewrite(chunks, of: &item, &settled)
    }
    writer.statistics.fileCount += 1
    progress.show(writer.statistics, item.path)
    try writer.add(item)
  }

  private func rewrite(_ chunks: [ChunkListEntry], of item: inout Item, _ settled: inout Set<ChunkID>) throws {
    if cutter != nil { item.chunksHealthy = nil }
    var parts = PartWriter(item)
    try forEachPiece(of: chunks) { bytes in
      parts.chunks.append(try store(bytes, &settled))
      progress.show(writer.statistics, item.path)
      try writeCheckpointIfDue(&parts)
    }
    if parts.next > 1 { try finish(&parts) }
    item.chunks = parts.chunks
  }

  private func forEachPiece(of chunks: [ChunkListEntry], _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let pipeline = ChunkPipeline(
      repository: session.repository, codec: session.codec, threads: chunks.count > 1 ? nil : 1)
    defer { pipeline.close() }
    pipeline.request(chunks)
    cutter?.begin()
    while pipeline.pendingCount > 0 {
      let bytes = try pipeline.next()
      if let cutter { try cutter.add(bytes, body) } else { try bytes.withUnsafeBytes(body) }
    }
    try cutter?.finish(body)
  }
}

/// Storing chunks.
extension RecreatedContents {
  private func addReference(_ id: ChunkID) throws -> ChunkListEntry {
    guard let entry = cache.chunks.addReference(id) else {
      throw ArchiveError.plain("Chunk ID \(id.hex) missing from chunks index, corrupted chunks index.")
    }
    writer.statistics.add(size: Int64(entry.size), storedSize: Int64(entry.storedSize), unique: false)
    return ChunkListEntry(id: id, size: entry.size, storedSize: entry.storedSize)
  }

  private func store(_ bytes: UnsafeRawBufferPointer, _ settled: inout Set<ChunkID>) throws -> ChunkListEntry {
    let id = session.key.id(of: bytes)
    let known = cache.chunks[id]
    if known != nil, try settled.contains(id) || !isToBeReplaced(id, bytes) {
      settled.insert(id)
      return try addReference(id)
    }
    guard let size = UInt32(exactly: bytes.count) else { throw IntegrityError("chunk \(id.hex) is too large") }
    let object = try session.codec.seal(bytes, with: options.compressor, workspace: workspace)
    let storedSize = UInt32(object.count)
    try session.repository.put(id, object)
    cache.chunks.withTable { table in
      if let entry = table.addReference(id) {
        table.set(id, ChunkIndex.Entry(references: entry.references, size: size, storedSize: storedSize))
      } else {
        table.set(id, ChunkIndex.Entry(references: 1, size: size, storedSize: storedSize))
      }
    }
    settled.insert(id)
    writer.statistics.add(size: Int64(size), storedSize: Int64(storedSize), unique: known == nil)
    return ChunkListEntry(id: id, size: size, storedSize: storedSize)
  }

  private func isToBeReplaced(_ id: ChunkID, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    switch options.recompression {
    case .never: return false
    case .always: return true
    case .ifDifferent:
      let payload = try session.codec.payload(session.repository.get(id), id: id)
      let method = payload.withUnsafeBytes { Compressor.methodName(ofPayload: $0) }
      return method != session.codec.methodName(of: bytes, with: options.compressor, workspace: workspace)
    }
  }
}

/// Checkpoints inside of a file (archives.md 5.2).
extension RecreatedContents {
  private struct PartWriter {
    let item: Item
    var chunks: [ChunkListEntry] = []
    var first = 0
    var next = 1

    init(_ item: Item) {
      self.item = item
    }
  }

  /// Between two items: after a first SIGINT what there is becomes a checkpoint, and the run ends.
  func stopIfRequested() throws {
    if interruption.isAbortRequested { throw Interruption.Aborted() }
    guard interruption.isStopRequested else { return }
    if !options.isDryRun { try writeStopCheckpoint { try writer.writeCheckpoint() } }
    throw ArchiveError.plain("Got Ctrl-C / SIGINT.")
  }

  private func writeStopCheckpoint(_ write: () throws -> Void) throws {
    monitor.info("checkpoint requested: starting checkpoint creation...", logger: "borg.archive")
    try write()
    monitor.info("checkpoint requested: finished checkpoint creation!", logger: "borg.archive")
  }

  private func writeCheckpointIfDue(_ parts: inout PartWriter) throws {
    if interruption.isAbortRequested { throw Interruption.Aborted() }
    if interruption.isStopRequested {
      try writeStopCheckpoint { try writePart(&parts) }
      throw ArchiveError.plain("Got Ctrl-C / SIGINT.")
    }
    let interval = Int64(options.checkpointIntervalSeconds)
    let elapsed = session.context.clock.monotonic() - lastCheckpoint
    guard interval > 0, elapsed / 1_000_000_000 > interval else { return }
    try writePart(&parts)
  }

  private func writePart(_ parts: inout PartWriter) throws {
    var part = parts.item
    part.path += Array(".borg_part_\(parts.next)".utf8)
    part.part = Int64(parts.next)
    let chunks = Array(parts.chunks[parts.first...])
    part.chunks = chunks
    part.chunksHealthy = nil
    part.size = chunks.reduce(0) { $0 + Int64($1.size) }
    try writer.add(part)
    try writer.writeCheckpoint()
    parts.first = parts.chunks.count
    parts.next += 1
    lastCheckpoint = session.context.clock.monotonic()
  }

  /// The rest becomes the last part, and the complete item refers to all chunks once more.
  private func finish(_ parts: inout PartWriter) throws {
    if parts.chunks.count > parts.first { try writePart(&parts) }
    try writer.refer(to: parts.chunks, alsoInParts: parts.next - 1, cache.chunks)
  }
}

/// Cuts one content after the other anew.
final class ContentCutter {
  private enum Chunker {
    case buzhash(BuzHashChunker)
    case fixed(FixedChunker)
  }

  private let chunker: Chunker
  private var buffer: [UInt8] = []
  private var offset = 0
  /// From how many bytes on it is looked for cuts again: small pieces would have all that waits searched each time.
  private var nextSearch = 0
  private static let bytesBetweenSearches = 1 << 20

  init(_ parameters: ChunkerParameters, seed: Int32) {
    switch parameters {
    case .buzhash: chunker = .buzhash(BuzHashChunker(parameters, seed: seed))
    case .fixed: chunker = .fixed(FixedChunker(parameters))
    }
  }

  func begin() {
    buffer.removeAll(keepingCapacity: true)
    offset = 0
    nextSearch = 0
  }

  /// Hands out the pieces that are complete.
  func add(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    buffer += bytes
    guard buffer.count >= nextSearch else { return }
    try drain(isEnd: false, body)
    nextSearch = buffer.count + Self.bytesBetweenSearches
  }

  /// Hands out all that is left.
  func finish(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try drain(isEnd: true, body)
  }

  private func drain(isEnd: Bool, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let used = try buffer.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count,
        let length = cut(UnsafeRawBufferPointer(rebasing: bytes[start...]), isEnd: isEnd, at: offset + start)
      {
        try body(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
        start += length
      }
      return start
    }
    offset += used
    buffer.removeFirst(used)
  }

  private func cut(_ bytes: UnsafeRawBufferPointer, isEnd: Bool, at offset: Int) -> Int? {
    switch chunker {
    case .buzhash(let chunker): return chunker.firstCut(bytes, isEnd: isEnd)
    case .fixed(let chunker):
      let length = chunker.length(at: offset)
      return bytes.count >= length ? length : isEnd && !bytes.isEmpty ? bytes.count : nil
    }
  }
}
