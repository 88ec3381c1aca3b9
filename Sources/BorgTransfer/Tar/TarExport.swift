import BorgArchive
import BorgFormat
import BorgSystem
import CLinux

/// One run of `export-tar`: an archive's items as a GNU tar stream (cli.md 8.5). Chunks are requested ahead, worker
/// threads fetch and unseal them while this thread writes.
public final class TarExport {
  private static let maximumPlanned = 4096
  private static let maximumBytesAhead = 48 << 20

  private struct Member {
    var planned: PlannedItem
    /// Of the content, as its chunk list states it.
    var size: Int64
    var chunkSizes: [UInt32]
  }

  private let archive: Archive
  private let options: ExtractOptions
  private let monitor: any Monitor
  private let output: TarFilter
  private let writer: TarWriter
  private let pipeline: ChunkPipeline
  private var plan: ExtractionPlan
  private var queue: [Member] = []
  private var queueHead = 0
  private var isExhausted = false
  private var progress: ExtractProgress?

  /// Of `options` the selection, `stripComponents`, `considersPartFiles` and `lists` count. `filter` nil: chosen by the
  /// suffix of `path`; `-` is standard output. Opens the output.
  public init(_ archive: Archive, to path: [UInt8], filter: String?, _ options: ExtractOptions) throws {
    self.archive = archive
    self.options = options
    monitor = archive.session.context.monitor
    output = try TarFilter(path, command: filter, isInput: false, context: archive.session.context)
    writer = TarWriter(output.descriptor)
    pipeline = ChunkPipeline(repository: archive.session.repository, codec: archive.session.codec)
    plan = ExtractionPlan(options)
  }

  /// Items that tar cannot hold, and include paths that never matched, become warnings. Throws for a missing or damaged
  /// chunk, since the stream is worthless then. Call once.
  public func run() throws {
    defer { pipeline.close() }
    do {
      if monitor.wantsProgress {
        monitor.progress(OperationProgress(messageID: "extract", message: "Calculating size", current: 0, total: 0))
        progress = ExtractProgress(monitor, total: try totalSize(), verb: "Processing")
      }
      try writeAll()
      progress?.finish()
    } catch {
      output.abandon()
      throw error
    }
    try output.finish()
    options.matcher.reportUnmatched(to: monitor)
  }

  private func writeAll() throws {
    let items = try ItemStream(archive)
    defer { items.close() }
    while true {
      try planAhead(items)
      guard queueHead < queue.count else { break }
      let member = queue[queueHead]
      queueHead += 1
      try write(member)
    }
    try writer.finish()
  }

  private func planAhead(_ items: ItemStream) throws {
    guard !isExhausted, queue.count - queueHead <= Self.maximumPlanned / 2,
      pipeline.pendingBytes <= Self.maximumBytesAhead / 2
    else { return }
    queue.removeFirst(queueHead)
    queueHead = 0
    var chunks: [ChunkListEntry] = []
    var bytes = pipeline.pendingBytes
    while queue.count < Self.maximumPlanned, bytes < Self.maximumBytesAhead {
      guard let item = try items.next() else {
        isExhausted = true
        break
      }
      guard let (planned, content) = plan.plan(item) else { continue }
      let wanted = item.isRegular ? content : []
      let size = wanted.reduce(Int64(0)) { $0 + Int64($1.size) }
      queue.append(Member(planned: planned, size: size, chunkSizes: wanted.map(\.size)))
      chunks += wanted
      bytes += Int(size)
    }
    pipeline.request(chunks)
  }

  private func totalSize() throws -> Int64 {
    var plan = ExtractionPlan(options)
    var total: Int64 = 0
    try archive.forEachItem { item in
      for chunk in plan.plan(item)?.1 ?? [] { total += Int64(chunk.size) }
      return true
    }
    return total
  }
}

extension TarExport {
  private func write(_ member: Member) throws {
    let path = member.planned.originalPath
    do {
      let header = try header(member)
      if options.lists { monitor.info(displayText(path), logger: "borg.output.list") }
      try writer.begin(header)
    } catch let problem as BackupProblem {
      monitor.warn(problem, path: path)
      for _ in member.chunkSizes { _ = try pipeline.next() }
      return
    }
    var blockLeft = Self.progressBlock
    for size in member.chunkSizes {
      let chunk = try pipeline.next()
      guard chunk.count == Int(size) else {
        throw IntegrityError("\(displayText(path)): a chunk has \(chunk.count) bytes, its list says \(size)")
      }
      count(chunk.count, member.planned.item.path, &blockLeft)
      try writer.write(chunk)
    }
    try writer.pad(after: member.size)
    if let size = member.planned.item.size, member.planned.hasContent, size != member.size {
      monitor.warn(.damaged, path: path)
    }
  }

  /// Borg counts by what Python's tarfile reads at a time.
  private static let progressBlock = 16384

  private func count(_ bytes: Int, _ path: [UInt8], _ blockLeft: inout Int) {
    guard progress != nil else { return }
    var left = bytes
    while left > 0 {
      let part = min(left, blockLeft)
      progress?.add(part, path)
      left -= part
      blockLeft = blockLeft == part ? Self.progressBlock : blockLeft - part
    }
  }

  private func header(_ member: Member) throws -> TarHeader {
    let item = member.planned.item
    var header = TarHeader(name: item.path)
    header.mode = item.mode & 0o7777
    (header.uid, header.gid) = (item.uid, item.gid)
    (header.user, header.group) = (item.user ?? [], item.group ?? [])
    // As Borg rounds: through a floating point number, then towards zero.
    header.mtime = Int64(Double(item.mtime) / 1e9)
    switch item.type {
    case FileType.regular: try setContent(member, &header)
    case FileType.directory:
      header.type = TarType.directory
      if header.name.last != UInt8(ascii: "/") { header.name.append(UInt8(ascii: "/")) }
    case FileType.symbolicLink:
      guard let target = item.source else { throw BackupProblem.damaged }
      header.type = TarType.symbolicLink
      header.linkName = target
    case FileType.blockDevice: try setDevice(TarType.blockDevice, item, &header)
    case FileType.characterDevice: try setDevice(TarType.characterDevice, item, &header)
    case FileType.fifo: header.type = TarType.fifo
    default:
      throw BackupProblem.other("unsupported file type \(String(item.type, radix: 8)) for tar export")
    }
    return header
  }

  private func setContent(_ member: Member, _ header: inout TarHeader) throws(BackupProblem) {
    if let target = member.planned.linkTarget {
      header.type = TarType.hardLink
      header.linkName = target
    } else if member.planned.hasContent {
      header.size = member.size
    } else {
      throw .damaged
    }
  }

  private func setDevice(_ type: UInt8, _ item: Item, _ header: inout TarHeader) throws(BackupProblem) {
    guard let device = item.rdev else { throw .damaged }
    header.type = type
    header.device = (clinux_major(dev_t(device)), clinux_minor(dev_t(device)))
  }
}
