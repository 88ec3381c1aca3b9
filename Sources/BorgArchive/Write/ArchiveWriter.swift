import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Builds one new archive: packs items into the item stream, stores its chunks, and saves the metadata with its TAM.
/// Used by one thread (the collector of a pipeline).
public final class ArchiveWriter {
  public struct Options: Sendable {
    public var compressor = Compressor.lz4
    public var chunkerParameters = ChunkerParameters.fileDefault
    public var comment: [UInt8] = []
    /// --timestamp, nanoseconds since 1970.
    public var timestamp: Int64?
    public var commandLine: [[UInt8]] = []
    public var cwd: [UInt8] = []
    /// When the command started, by the monotonic clock, nanoseconds.
    public var startMonotonic: Int64 = 0
    /// The archive that this one is a new version of (recreate): its command line and
    /// chunker parameters and, unless `timestamp` is set, its times are kept; `commandLine` becomes the recreate command line.
    public var origin: ArchiveMetadata?
    public init() {}
  }

  /// Of file content, kept by whoever stores it; saved with the archive (archives.md 4.1).
  public var statistics = Statistics()
  /// Fixed when writing begins: `NAME.checkpoint`, or the first of `.checkpoint.1`, `.2`, … that is free.
  public let checkpointName: [UInt8]

  private let name: [UInt8]
  private let session: RepositorySession
  private let cache: Cache
  private let options: Options
  private let workspace = CodecWorkspace()
  private var packer: ItemPacker
  private var streamChunks: [ChunkID] = []

  /// Throws `ArchiveError.alreadyExists`; fixes the checkpoint's name.
  public init(named name: [UInt8], session: RepositorySession, cache: Cache, _ options: Options) throws {
    try session.requireKey()
    guard session.manifest.entry(named: name) == nil else { throw ArchiveError.alreadyExists(name: name) }
    self.name = name
    self.session = session
    self.cache = cache
    self.options = options
    packer = ItemPacker(seed: session.key.chunkSeed)
    let base = name + Array(".checkpoint".utf8)
    var candidate = base
    var number = 0
    while session.manifest.entry(named: candidate) != nil {
      number += 1
      candidate = base + Array(".\(number)".utf8)
    }
    checkpointName = candidate
  }

  /// Packs one item; its chunks were stored and counted before.
  public func add(_ item: Item) throws {
    packer.add(item)
    if packer.isFull { try storeStream(isEnd: false) }
  }

  /// Flushes the stream and commits a complete archive under the checkpoint's name. In memory it is gone afterwards,
  /// so that the next commit drops it.
  public func writeCheckpoint() throws {
    let entry = try save(as: checkpointName).entry
    session.manifest.remove(named: checkpointName)
    var unused = Statistics()
    try cache.removeReference(entry.id, statistics: &unused)
  }

  /// Saves the archive, writes the manifest, commits repository and cache.
  public func save() throws -> Archive {
    let saved = try save(as: name)
    let storedSize = cache.chunks[saved.entry.id]?.storedSize ?? 0
    return try Archive(saved.entry, plaintext: saved.metadata, storedSize: Int(storedSize), in: session)
  }
}

extension ArchiveWriter {
  private func storeStream(isEnd: Bool) throws {
    try packer.drain(isEnd: isEnd) { bytes in streamChunks.append(try store(bytes)) }
  }

  /// Adds one reference to a metadata chunk, and its object when it is new.
  private func store(_ bytes: UnsafeRawBufferPointer) throws -> ChunkID {
    let id = session.key.id(of: bytes)
    if cache.chunks.addReference(id) != nil { return id }
    guard let size = UInt32(exactly: bytes.count) else { throw ArchiveError.archiveTooBig }
    let object = try session.codec.seal(bytes, with: options.compressor, workspace: workspace)
    try cache.add(id, object: object, size: size)
    return id
  }

  private func save(as name: [UInt8]) throws -> (entry: Manifest.Entry, metadata: [UInt8]) {
    guard session.manifest.entry(named: name) == nil else { throw ArchiveError.alreadyExists(name: name) }
    try storeStream(isEnd: true)
    let metadata = metadata(named: name)
    let packed = TAM.seal(key: session.key, .archive) { metadata.encoded(tam: $0) }
    let id: ChunkID
    do {
      id = try packed.withUnsafeBytes { try store($0) }
    } catch is IntegrityError {
      throw ArchiveError.archiveTooBig
    }
    let entry = Manifest.Entry(name: name, id: id, time: metadata.time)
    session.manifest.set(entry)
    try session.writeManifest()
    try session.repository.commit(CommitOptions())
    try cache.commit()
    return (entry, packed)
  }

  private func metadata(named name: [UInt8]) -> ArchiveMetadata {
    let context = session.context
    let elapsed = context.clock.monotonic() - options.startMonotonic
    let end = options.timestamp.map { $0 + elapsed } ?? context.clock.now()
    let start = options.timestamp ?? end - elapsed
    var metadata = ArchiveMetadata(name: name, time: Array(Timestamp.utcText(nanoseconds: start).utf8))
    metadata.timeEnd = Array(Timestamp.utcText(nanoseconds: end).utf8)
    metadata.items = streamChunks
    // Borg cannot pack a command line that is not UTF-8.
    metadata.commandLine = options.commandLine.map { Array(String(decoding: $0, as: UTF8.self).utf8) }
    metadata.hostname = Array(context.environment.hostname.utf8)
    metadata.username = Array(context.environment.username.utf8)
    metadata.comment = options.comment
    metadata.cwd = options.cwd
    metadata.chunkerParameters = options.chunkerParameters.messagePack
    metadata.size = statistics.originalSize
    metadata.storedSize = statistics.compressedSize
    metadata.fileCount = statistics.fileCount
    metadata.sizeParts = statistics.originalSizeParts
    metadata.storedSizeParts = statistics.compressedSizeParts
    metadata.fileCountParts = statistics.fileCountParts
    if let origin = options.origin { keep(origin, in: &metadata) }
    return metadata
  }

  private func keep(_ origin: ArchiveMetadata, in metadata: inout ArchiveMetadata) {
    metadata.recreateCommandLine = metadata.commandLine
    metadata.commandLine = origin.commandLine
    metadata.chunkerParameters = origin.chunkerParameters
    guard options.timestamp == nil else { return }
    metadata.time = origin.time
    metadata.timeEnd = origin.timeEnd ?? origin.time
  }
}
