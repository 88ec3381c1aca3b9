import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Builds the chunk index anew from all archives of the manifest (caches.md section 5): from what `chunks.archive.d`
/// remembers of an archive, or else from its item stream. Streams are fetched and decrypted ahead by worker threads
/// while this one counts references.
struct CacheSync {
  private let session: RepositorySession
  private let store: ArchiveIndexStore?
  /// The stored sizes that had to be asked for: archives made with --no-cache-sync do not hold them.
  private var fetchedSizes: [ChunkID: UInt32] = [:]
  private var monitor: any Monitor { session.context.monitor }

  init(_ session: RepositorySession, directory: [UInt8]) {
    self.session = session
    store = ArchiveIndexStore(
      cache: directory, environment: session.context.environment, monitor: session.context.monitor)
  }

  /// Throws `ArchiveError.mandatoryFeatureUnsupported`, and whatever damage there is in archives.
  mutating func run() throws -> HashIndex {
    try session.checkFeatures([.read])
    info("Synchronizing chunks cache...")
    let archives = uniqueArchives()
    let known = try cleanedUpStore(Set(archives.map(\.id)))
    let index = try buildIndex(archives, known: known)
    info("Done.")
    return index
  }

  private func uniqueArchives() -> [Manifest.Entry] {
    var seen: Set<ChunkID> = []
    return session.manifest.data.archives.filter { seen.insert($0.id).inserted }
  }

  /// The archives with a remembered index; those of archives that are gone are removed.
  private func cleanedUpStore(_ archives: Set<ChunkID>) throws -> Set<ChunkID> {
    let remembered = try store?.ids() ?? []
    let outdated = remembered.subtracting(archives)
    info(
      "Archives: \(archives.count), w/ cached Idx: \(remembered.count), w/ outdated Idx: \(outdated.count), "
        + "w/o cached Idx: \(archives.subtracting(remembered).count).")
    for id in outdated { store?.remove(id) }
    return remembered.subtracting(outdated)
  }

  private mutating func buildIndex(_ archives: [Manifest.Entry], known: Set<ChunkID>) throws -> HashIndex {
    var master = HashIndex(
      valueWords: 3, capacity: archives.isEmpty ? 0 : HashIndex.plausibleCapacity(try session.repository.objectCount()))
    var fetcher = ArchiveFetcher(session, archives.filter { !known.contains($0.id) })
    defer { fetcher.close() }
    var progress = PercentProgress(
      messageID: "cache.sync", total: archives.count, stepInTenths: 1, monitor: monitor)
    for entry in archives {
      let name = displayText(entry.name)
      progress.advance(by: 1, info: [name]) { "\($0)% Syncing chunks cache. Processing archive \(name)" }
      if known.contains(entry.id) {
        if try remember(entry, into: &master) { continue }
        var again = ArchiveFetcher(session, [entry])
        defer { again.close() }
        try fetch(entry, with: &again, into: &master)
      } else {
        try fetch(entry, with: &fetcher, into: &master)
      }
    }
    if store == nil { try learnStoredSizes(&master) }
    progress.finish()
    return master
  }

  /// Merges the remembered index of an archive; false when it cannot be used.
  private func remember(_ entry: Manifest.Entry, into master: inout HashIndex) throws -> Bool {
    guard let store else { return false }
    info("Reading cached archive chunk index for \(displayText(entry.name)) ...")
    guard store.merge(entry.id, named: entry.name, into: &master) else { return false }
    info("Merging into master chunks index ...")
    return true
  }

  private mutating func fetch(
    _ entry: Manifest.Entry, with fetcher: inout ArchiveFetcher, into master: inout HashIndex
  ) throws {
    guard let store else {
      info("Fetching archive index for \(displayText(entry.name)) ...")
      return try fetcher.countNext(into: &master)
    }
    info("Fetching and building archive index for \(displayText(entry.name)) ...")
    var index = HashIndex(valueWords: 3)
    try fetcher.countNext(into: &index)
    try learnStoredSizes(&index)
    store.store(index, for: entry.id)
    info("Merging into master chunks index ...")
    index.forEach { master.merge($0, $1) }
  }

  /// Asks the repository for the stored sizes that no archive holds.
  private mutating func learnStoredSizes(_ index: inout HashIndex) throws {
    var unknown: [(id: ChunkID, references: UInt32, size: UInt32)] = []
    index.forEach { id, value in
      if value.2 == 0 { unknown.append((id, value.0, value.1)) }
    }
    session.repository.prefetch(unknown.map(\.id).filter { fetchedSizes[$0] == nil })
    for chunk in unknown {
      let size = try fetchedSizes[chunk.id] ?? UInt32(clamping: session.repository.get(chunk.id).count)
      fetchedSizes[chunk.id] = size
      index.set(chunk.id, (chunk.references, chunk.size, size))
    }
  }

  private func info(_ message: String) {
    monitor.info(message, logger: "borg.cache")
  }
}

/// Reads the item streams of archives one after another; the next few are already on their way meanwhile.
private struct ArchiveFetcher {
  private struct StreamChunk: Sendable {
    var bytes: [UInt8]
    var storedSize: Int
  }

  private static let maximumBytesAhead = 32 << 20
  private static let usualChunkLength = 128 << 10
  private static let maximumArchivesAhead = 8

  private let session: RepositorySession
  private let pipeline: OrderedPipeline<ChunkID, StreamChunk>
  private var waiting: ArraySlice<Manifest.Entry>
  private var requested: [Archive] = []
  private var announcer: Announcer<Manifest.Entry>?

  init(_ session: RepositorySession, _ archives: [Manifest.Entry]) {
    self.session = session
    waiting = archives[...]
    announcer = Announcer(metadataOf: archives, in: session.repository)
    let (repository, codec) = (session.repository, session.codec)
    pipeline = OrderedPipeline(
      threads: nil, maximumBytesAhead: Self.maximumBytesAhead,
      announcing: Announcer(repository, maximumBytes: Self.maximumBytesAhead) { $0 }, cost: \.bytes.count
    ) { id, workspace in
      let object = try repository.get(id)
      return StreamChunk(bytes: try codec.unseal(object, id: id, workspace: workspace), storedSize: object.count)
    }
  }

  func close() { pipeline.close() }

  /// Counts everything the next archive refers to: its metadata, its stream chunks, the chunks of its items.
  mutating func countNext(into index: inout HashIndex) throws {
    try requestAhead()
    let archive = requested.removeFirst()
    index.merge(archive.entry.id, (1, Self.size(archive.metadataSize), Self.size(archive.metadataStoredSize)))
    var counter = ReferenceCounter()
    for id in archive.metadata.items {
      let chunk = try pipeline.next()
      index.merge(id, (1, Self.size(chunk.bytes.count), Self.size(chunk.storedSize)))
      try counter.feed(chunk.bytes, into: &index)
    }
    try counter.finish(into: &index)
  }

  private mutating func requestAhead() throws {
    while requested.count < Self.maximumArchivesAhead, let entry = waiting.first {
      let archive = try Archive(entry, in: session)
      waiting.removeFirst()
      announcer?.advance()
      requested.append(archive)
      pipeline.request(archive.metadata.items.map { (input: $0, expectedCost: Self.usualChunkLength) })
    }
  }

  /// Objects are shorter than 20 MiB.
  private static func size(_ count: Int) -> UInt32 { UInt32(clamping: count) }
}
