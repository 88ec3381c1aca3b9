import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// The end of the street: takes batches in walk order, stores new chunks, completes items, tells the monitor, and
/// writes checkpoints (archives.md 5.2). Used by its own thread, and after that by the one that joined it.
final class Collector: @unchecked Sendable {
  // Safe: one thread at a time has it; `Worker.join` orders the two.

  /// A file whose content is coming.
  private struct OpenFile {
    var item: Item
    var chunks: [ChunkListEntry] = []
    /// The first chunk that no part item has.
    var partStart = 0
    var nextPart = 1
    var identity: FileIdentity?
  }

  private let street: Street
  private let writer: ArchiveWriter
  private let cache: Cache
  private let files: SharedFilesCache
  private let reservations: Reservations
  private let repository: any Repository
  private let monitor: any Monitor
  private let clock: Clock
  private let interruption: Interruption
  private let checkpointInterval: Int64
  private let wantsStatus: Bool

  private var openFile: OpenFile?
  private var orphans: [ChunkListEntry] = []
  private var lastCheckpoint: Int64
  private var progress: ArchiveProgressReport
  private var stopCheckpointWritten = false
  private var isDiscarding = false
  private var currentPath: [UInt8] = []

  init(
    _ street: Street, writer: ArchiveWriter, cache: Cache, files: SharedFilesCache, reservations: Reservations,
    checkpointIntervalSeconds: Int, interruption: Interruption
  ) {
    self.street = street
    self.writer = writer
    self.cache = cache
    self.files = files
    self.reservations = reservations
    self.interruption = interruption
    repository = cache.session.repository
    monitor = cache.session.context.monitor
    clock = cache.session.context.clock
    checkpointInterval = Int64(clamping: checkpointIntervalSeconds).multipliedReportingOverflow(by: 1_000_000_000).0
    wantsStatus = monitor.wantsFileStatus
    progress = ArchiveProgressReport(monitor, clock)
    lastCheckpoint = clock.monotonic()
  }

  /// Collects until the street ends.
  func run() {
    do {
      while let batch = street.nextForCollector() {
        if interruption.isAbortRequested { throw Interruption.Aborted() }
        for record in batch.records { try collect(record, of: batch) }
        street.release(batch)
        if interruption.takeProgressRequest() { logProgress() }
      }
    } catch {
      street.fail(error)
    }
  }

  /// After everything was collected: saves the archive, or after a requested stop makes sure that there is a
  /// checkpoint, and throws.
  func complete() throws -> Archive {
    progress.finish()
    try dropOrphans()
    if interruption.isStopRequested {
      if !stopCheckpointWritten { try writer.writeCheckpoint() }
      throw ArchiveError.plain("Got Ctrl-C / SIGINT.")
    }
    return try writer.save()
  }

  private func collect(_ record: BatchRecord, of batch: Batch) throws {
    if isDiscarding { return }
    switch record {
    case .status(let letter, let path):
      if wantsStatus { monitor.fileStatus(Character(UnicodeScalar(letter)), path: path) }
    case .warning(let problem, let path): monitor.warn(problem, path: path)
    case .changed(let path): warnChanged(path)
    case .begin(let item): openFile = OpenFile(item: batch.items[item])
    case .chunk(let index): try add(batch.chunks[index])
    case .remember(let identity): openFile?.identity = identity
    case .finish(let item): try finish(batch.items[item])
    case .abandon:
      // The parts keep theirs: they stand in the archive.
      if let file = openFile { orphans += file.chunks[file.partStart...] }
      openFile = nil
    }
  }

  private func warnChanged(_ path: [UInt8]) {
    monitor.log(
      LogRecord(
        .warning, logger: "borg.archiver", "\(displayText(path)): file changed while we backed it up",
        messageID: "FileChangedWarning", warningCode: 100))
  }
}

extension Collector {
  private func add(_ chunk: PendingChunk) throws {
    let entry = try store(chunk)
    openFile?.chunks.append(entry)
    progress.show(writer.statistics, openFile?.item.path ?? [])
    if case .known = chunk.content { return }
    try writeCheckpointIfDue()
  }

  /// Adds one reference, and for a chunk that nobody has yet its object.
  private func store(_ chunk: PendingChunk) throws -> ChunkListEntry {
    if case .known = chunk.content {
      guard let entry = cache.chunks.addReference(chunk.id) else { throw lost(chunk.id) }
      return count(chunk.id, entry, isNew: false)
    }
    let size = UInt32(chunk.size)
    if let entry = cache.chunks.addReference(chunk.id) {
      guard entry.size == size || entry.size == 0 else {
        throw ArchiveError.plain(
          "chunk has same id [\(chunk.id.hex)], but different size (stored: \(entry.size) new: \(size))!")
      }
      return count(chunk.id, .init(references: 2, size: size, storedSize: entry.storedSize), isNew: false)
    }
    guard let object = chunk.object else { throw lost(chunk.id) }
    try repository.put(chunk.id, object)
    let entry = ChunkIndex.Entry(references: 1, size: size, storedSize: UInt32(object.count))
    cache.chunks.insert(chunk.id, size: size, storedSize: entry.storedSize)
    reservations.release(chunk.id)
    return count(chunk.id, entry, isNew: true)
  }

  private func count(_ id: ChunkID, _ entry: ChunkIndex.Entry, isNew: Bool) -> ChunkListEntry {
    writer.statistics.add(size: Int64(entry.size), storedSize: Int64(entry.storedSize), unique: isNew)
    return ChunkListEntry(id: id, size: entry.size, storedSize: entry.storedSize)
  }

  private func lost(_ id: ChunkID) -> ArchiveError {
    .plain("chunk \(id.hex) vanished from the chunk index")
  }

  private func finish(_ plain: Item) throws {
    guard var file = openFile else {
      currentPath = plain.path
      progress.show(writer.statistics, plain.path)
      return try writer.add(plain)
    }
    openFile = nil
    if file.nextPart > 1 { try finishParts(&file) }
    var item = plain
    item.size = file.chunks.reduce(0) { $0 + Int64($1.size) }
    if let identity = file.identity { files.remember(identity, chunks: file.chunks.map(\.id)) }
    item.chunks = file.chunks
    currentPath = item.path
    writer.statistics.fileCount += 1
    progress.show(writer.statistics, item.path)
    try writer.add(item)
    if stopCheckpointWritten {
      isDiscarding = true
      street.stop()
    }
  }

  /// What files that could not be read to the end have stored. Not earlier: chunks on their way may count on it.
  private func dropOrphans() throws {
    for chunk in orphans { try cache.removeReference(chunk.id, statistics: &writer.statistics) }
    orphans = []
  }
}

extension Collector {
  private func writeCheckpointIfDue() throws {
    let stops = interruption.isStopRequested && !stopCheckpointWritten
    guard stops || checkpointInterval > 0, var file = openFile else { return }
    guard stops || clock.monotonic() - lastCheckpoint > checkpointInterval else { return }
    if stops { monitor.info("checkpoint requested: starting checkpoint creation...", logger: "borg.archive") }
    try writePart(&file)
    openFile = file
    guard stops else { return }
    stopCheckpointWritten = true
    monitor.info("checkpoint requested: finished checkpoint creation!", logger: "borg.archive")
  }

  /// One part item with the chunks since the previous part, and a checkpoint.
  private func writePart(_ file: inout OpenFile) throws {
    var part = file.item
    part.path += Array(".borg_part_\(file.nextPart)".utf8)
    part.part = Int64(file.nextPart)
    let chunks = Array(file.chunks[file.partStart...])
    part.chunks = chunks
    part.size = chunks.reduce(0) { $0 + Int64($1.size) }
    (part.xattrs, part.aclAccess, part.aclDefault, part.bsdflags) = ([], nil, nil, nil)
    try writer.add(part)
    try files.whileLocked { try writer.writeCheckpoint() }
    file.partStart = file.chunks.count
    file.nextPart += 1
    lastCheckpoint = clock.monotonic()
  }

  /// A file with parts: the rest becomes the last part, and the complete item refers to all chunks once more.
  private func finishParts(_ file: inout OpenFile) throws {
    if file.chunks.count > file.partStart { try writePart(&file) }
    try writer.refer(to: file.chunks, alsoInParts: file.nextPart - 1, cache.chunks)
  }

  private func logProgress() {
    let done = openFile?.chunks.reduce(0) { $0 + Int64($1.size) } ?? 0
    let path = displayText(openFile?.item.path ?? currentPath)
    monitor.info("\(path) \(sizeText(done))/???", logger: "borg.archiver")
  }
}

/// A size in bytes as Borg shows it: `0 B`, `8.24 MB`.
func sizeText(_ bytes: Int64) -> String {
  var hundredths = bytes
  var power = 0
  let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
  guard bytes >= 1000 else { return "\(bytes) B" }
  while hundredths >= 1_000_000, power < 5 {
    hundredths /= 1000
    power += 1
  }
  let rounded = (hundredths + 5) / 10
  let fraction = rounded % 100
  return "\(rounded / 100).\(fraction < 10 ? "0" : "")\(fraction) \(units[power + 1])"
}
