import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Rewrites archives (archives.md 4.2): a new item stream is saved as `NAME.recreate`, and when that is committed it takes
/// the place of the original. The replacement itself becomes real with the caller's commit.
public final class Recreation {
  public enum Result {
    case nothingToDo
    case dryRun
    case done(Creation.Outcome)
  }

  private let session: RepositorySession
  private let cache: Cache
  private let options: RecreateOptions
  private let interruption: Interruption
  /// Chunks that this run has stored as they shall be, in all archives.
  private var settled: Set<ChunkID> = []

  public init(
    session: RepositorySession, cache: Cache, _ options: RecreateOptions,
    interruption: Interruption = Interruption()
  ) {
    self.session = session
    self.cache = cache
    self.options = options
    self.interruption = interruption
  }

  private static let suffix = Array(".recreate".utf8)

  /// Whether the archive was left behind by a run that was stopped.
  public static func isTemporary(_ name: [UInt8]) -> Bool {
    name.count >= suffix.count && name.suffix(suffix.count) == suffix[...]
  }

  /// Recreates one archive; with `target` the original stays. Throws `ArchiveError.alreadyExists` and what reading
  /// and writing throw; the original is untouched then, after a rollback. A requested stop leaves a checkpoint, and
  /// throws.
  public func run(_ name: [UInt8], target: [UInt8]?) throws -> Result {
    let clock = session.context.clock
    let (start, startMonotonic) = (clock.now(), clock.monotonic())
    let archive = try Archive(named: name, in: session)
    let recuts = options.chunkerParameters.map { isCutOtherwise(archive, than: $0) } ?? false
    let writer = try makeWriter(archive, target ?? name + Self.suffix, recuts: recuts, startMonotonic)
    let matcher = try options.makeMatcher()
    if options.excludesCaches || !options.excludeIfPresent.isEmpty {
      try TaggedDirectories(archive, options).exclude(from: matcher)
    }
    guard !matcher.isEmpty || options.recompression != .never || recuts || options.comment != nil || target != nil
    else { return .nothingToDo }
    try copyItems(archive, matcher, contents(writer, archive, recuts: recuts))
    matcher.reportGivenUp(to: session.context.monitor)
    if options.isDryRun { return .dryRun }
    let saved = try replace(archive, by: writer.save(), keepsOriginal: target != nil)
    return .done(
      Creation.Outcome(
        archive: saved, statistics: writer.statistics, start: start, end: clock.now(),
        duration: clock.monotonic() - startMonotonic))
  }

  private func isCutOtherwise(_ archive: Archive, than parameters: ChunkerParameters) -> Bool {
    archive.metadata.chunkerParameters.map(ArchiveComparison.normalized) != parameters.messagePack
  }

  private func makeWriter(
    _ archive: Archive, _ name: [UInt8], recuts: Bool, _ startMonotonic: Int64
  ) throws -> ArchiveWriter {
    var writer = ArchiveWriter.Options()
    writer.compressor = options.compressor
    writer.comment = options.comment ?? archive.metadata.comment ?? []
    writer.timestamp = options.timestamp
    writer.commandLine = options.commandLine
    writer.cwd = try Files.currentDirectory()
    writer.startMonotonic = startMonotonic
    writer.origin = archive.metadata
    if recuts, let parameters = options.chunkerParameters {
      writer.chunkerParameters = parameters
      writer.origin?.chunkerParameters = parameters.messagePack
    }
    return try ArchiveWriter(named: name, session: session, cache: cache, writer)
  }

  private func contents(_ writer: ArchiveWriter, _ archive: Archive, recuts: Bool) -> RecreatedContents {
    RecreatedContents(
      session: session, cache: cache, writer: writer, options,
      chunkerParameters: recuts ? options.chunkerParameters : nil, interruption: interruption)
  }

  private func replace(_ archive: Archive, by saved: Archive, keepsOriginal: Bool) throws -> Archive {
    if keepsOriginal { return saved }
    var unused = Statistics()
    _ = try archive.delete(cache: cache, statistics: &unused, force: false)
    try saved.rename(to: archive.entry.name, cache: cache)
    return try Archive(named: archive.entry.name, in: session)
  }
}

extension Recreation {
  /// Content that goes on to the next name when the first name of a hard link is left out.
  private struct LeftOutMaster {
    var item: Item
    /// The name that has taken the content over.
    var successor: [UInt8]?
  }

  private func copyItems(_ archive: Archive, _ matcher: PatternMatcher, _ contents: RecreatedContents) throws {
    let monitor = session.context.monitor
    var masters: [[UInt8]: LeftOutMaster] = [:]
    let items = try ItemStream(archive)
    defer { items.close() }
    while var item = try items.next() {
      if item.part != nil { continue }
      try contents.stopIfRequested()
      guard matcher.decide(item.path).isIncluded else {
        if monitor.wantsFileStatus { monitor.fileStatus("x", path: item.path) }
        if item.isHardlinkMaster { masters[ArchivePath.linked(item.path)] = LeftOutMaster(item: item) }
        continue
      }
      if item.isHardlinkReference, let source = item.source {
        Self.inherit(from: &masters[ArchivePath.linked(source)], &item)
      }
      let status = options.isDryRun ? "-" : Self.letter(of: item)
      if monitor.wantsFileStatus { monitor.fileStatus(status, path: item.path) }
      if !options.isDryRun { try contents.add(item, &settled) }
    }
    try requireAll(items, of: archive)
    if monitor.wantsProgress { monitor.progress(nil) }
  }

  /// What cannot be read cannot be taken over: an archive that lacks it must not replace the one that has it.
  private func requireAll(_ items: ItemStream, of archive: Archive) throws {
    guard items.leftOutCount > 0 else { return }
    throw IntegrityError(
      "Archive \(displayText(archive.entry.name)): \(items.leftOutCount) items cannot be read, it stays as it is.")
  }

  private static func inherit(from master: inout LeftOutMaster?, _ item: inout Item) {
    guard let found = master else { return }
    if let successor = found.successor {
      item.source = successor
      return
    }
    item.source = nil
    item.hardlinkMaster = true
    (item.chunks, item.chunksHealthy, item.size) = (found.item.chunks, found.item.chunksHealthy, found.item.size)
    master?.successor = item.path
  }

  private static func letter(of item: Item) -> Character {
    switch item.type {
    case FileType.regular: "A"
    case FileType.directory: "d"
    case FileType.symbolicLink: "s"
    case FileType.fifo: "f"
    case FileType.blockDevice: "b"
    case FileType.characterDevice: "c"
    default: "?"
    }
  }
}
