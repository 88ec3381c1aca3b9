import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// One run of `extract`: an archive's items into live files below one directory (archives.md section 7).
///
/// Items are planned ahead of their writing, and their chunks requested: worker threads fetch and unseal while this
/// thread writes.
public final class Extraction {
  /// A distant repository is asked for so much at once that its line stays full of small files.
  private let maximumPlanned: Int
  private static let maximumBytesAhead = 48 << 20

  private let archive: Archive
  private let options: ExtractOptions
  private let interruption: Interruption
  private let monitor: any Monitor
  private var plan: ExtractionPlan
  private let pipeline: ChunkPipeline
  private var queue: [PlannedItem] = []
  private var queueHead = 0
  private var isExhausted = false
  /// Directories whose contents may still come, outermost first.
  private var openDirectories: [Item] = []
  private var progress: ExtractProgress?
  private var outputIsClosed = false

  public init(_ archive: Archive, _ options: ExtractOptions, interruption: Interruption = Interruption()) {
    self.archive = archive
    self.options = options
    self.interruption = interruption
    monitor = archive.session.context.monitor
    plan = ExtractionPlan(options)
    maximumPlanned = archive.session.repository.readAheadBytes > 0 ? 16384 : 4096
    pipeline = ChunkPipeline(repository: archive.session.repository, codec: archive.session.codec)
  }

  /// Problems with single items, and include paths that never matched, become warnings on the monitor. Throws for a
  /// missing or damaged chunk, an absolute path, and after a requested stop. Call once.
  public func run() throws {
    defer { pipeline.close() }
    let writer = options.isDryRun || options.toStandardOutput ? nil : try ItemWriter(options, context: context)
    if monitor.wantsProgress { progress = ExtractProgress(monitor, total: try totalSize()) }
    try extractAll(writer)
    if let writer { finishDirectories(writer) }
    options.matcher.reportUnmatched(to: monitor)
    if interruption.isStopRequested { throw ArchiveError.plain("Got Ctrl-C / SIGINT.") }
  }

  private var context: SessionContext { archive.session.context }

  private func extractAll(_ writer: ItemWriter?) throws {
    let items = try ItemStream(archive)
    defer { items.close() }
    while !interruption.isStopRequested, !outputIsClosed {
      if interruption.isAbortRequested { throw Interruption.Aborted() }
      try planAhead(items)
      guard let next = takePlanned() else { break }
      try extract(next, writer)
    }
    progress?.finish()
  }

  /// The directories that were still open at the end get their attributes.
  private func finishDirectories(_ writer: ItemWriter) {
    for directory in openDirectories.reversed() {
      finish(directory, writer)
    }
  }

  /// Fills the queue again when half of it is used up: by the thousand, so that the pipeline's threads are seldom woken.
  private func planAhead(_ items: ItemStream) throws {
    guard !isExhausted, queue.count - queueHead <= maximumPlanned / 2,
      pipeline.pendingBytes <= Self.maximumBytesAhead / 2
    else { return }
    var chunks: [ChunkListEntry] = []
    var bytes = pipeline.pendingBytes
    while queue.count - queueHead < maximumPlanned, bytes < Self.maximumBytesAhead {
      guard let item = try items.next() else {
        isExhausted = true
        break
      }
      guard let (planned, content) = plan.plan(item) else { continue }
      chunks += content
      bytes += content.reduce(0) { $0 + Int($1.size) }
      queue.append(planned)
    }
    pipeline.request(chunks)
  }

  private func takePlanned() -> PlannedItem? {
    guard queueHead < queue.count else { return nil }
    let next = queue[queueHead]
    queueHead += 1
    if queueHead >= 1024, queueHead * 2 > queue.count {
      queue.removeFirst(queueHead)
      queueHead = 0
    }
    return next
  }

  private func extract(_ planned: PlannedItem, _ writer: ItemWriter?) throws {
    if let writer { leaveDirectories(before: planned.item.path, writer) }
    if options.lists { monitor.info(displayText(planned.item.path), logger: "borg.output.list") }
    if interruption.takeProgressRequest() {
      monitor.info("\(displayText(planned.item.path)) 0 B/???", logger: "borg.archiver")
    }
    var left = planned.chunkCount
    func nextChunk() throws -> [UInt8]? {
      guard left > 0 else { return nil }
      left -= 1
      let chunk = try pipeline.next()
      progress?.add(chunk.count, planned.item.path)
      return chunk
    }
    do {
      if let writer {
        try write(planned, writer, nextChunk)
      } else {
        try read(planned, nextChunk)
      }
    } catch let problem as BackupProblem {
      monitor.warn(problem, path: planned.originalPath)
    }
    while left > 0 {
      left -= 1
      _ = try? pipeline.next()
    }
  }
}

extension Extraction {
  private func write(_ planned: PlannedItem, _ writer: ItemWriter, _ nextChunk: () throws -> [UInt8]?) throws {
    let item = planned.item
    if item.path.first == 0x2F || item.path.starts(with: [0x2E, 0x2E, 0x2F]) {
      throw ArchiveError.plain("Path should be relative and local")
    }
    if let target = planned.linkTarget { return try writer.makeHardLink(item, to: target) }
    switch item.type {
    case FileType.regular:
      guard planned.hasContent else { throw BackupProblem.damaged }
      try writer.writeFile(item, nextChunk: nextChunk)
      if item.chunksHealthy != nil { throw BackupProblem.damaged }
    case FileType.directory:
      try writer.makeDirectory(item)
      openDirectories.append(item)
    case FileType.symbolicLink: try writer.makeSymbolicLink(item)
    case FileType.fifo, FileType.characterDevice, FileType.blockDevice: try writer.makeSpecial(item)
    default: throw BackupProblem.damaged
    }
  }

  /// Dry run and --stdout: the content only.
  private func read(_ planned: PlannedItem, _ nextChunk: () throws -> [UInt8]?) throws {
    guard planned.hasContent else { return }
    var size: Int64 = 0
    while let chunk = try nextChunk() {
      size += Int64(chunk.count)
      if options.toStandardOutput, !options.isDryRun { try writeOutput(chunk) }
    }
    if let expected = planned.item.size, expected != size { throw BackupProblem.damaged }
    if planned.item.chunksHealthy != nil { throw BackupProblem.damaged }
  }

  /// A reader who has gone away ends the run without an error.
  private func writeOutput(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count, !outputIsClosed {
      let count = bytes.withUnsafeBytes { bytes in
        bytes.baseAddress.map { Glibc.write(1, $0 + done, bytes.count - done) } ?? 0
      }
      if count >= 0 {
        done += count
      } else if errno == EPIPE {
        outputIsClosed = true
      } else if errno != EINTR {
        throw SystemError.last()
      }
    }
  }

  private func leaveDirectories(before path: [UInt8], _ writer: ItemWriter) {
    while let last = openDirectories.last, !Self.isBelow(path, last.path) {
      openDirectories.removeLast()
      finish(last, writer)
    }
  }

  private static func isBelow(_ path: [UInt8], _ directory: [UInt8]) -> Bool {
    directory == [0x2E] || path.count > directory.count && path[directory.count] == 0x2F && path.starts(with: directory)
  }

  private func finish(_ directory: Item, _ writer: ItemWriter) {
    do {
      try writer.finishDirectory(directory)
    } catch let problem as BackupProblem {
      monitor.warn(problem, path: directory.path)
    } catch {
      monitor.error("\(displayText(directory.path)): \(error)", logger: "borg.archiver")
    }
  }

  /// The bytes of all selected items, for the progress: a pass over the items of its own.
  private func totalSize() throws -> Int64 {
    ExtractProgress.announce(monitor)
    var plan = ExtractionPlan(options)
    var total: Int64 = 0
    try archive.forEachItem { item in
      for chunk in plan.plan(item)?.1 ?? [] { total += Int64(chunk.size) }
      return !interruption.isStopRequested
    }
    return total
  }
}
