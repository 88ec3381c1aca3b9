import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTree
import Glibc
import Synchronization

/// A repository's archives as a tree source: item streams are skimmed for the tree, items decoded and chunks read when
/// they are asked for.
public final class ArchiveTreeSource: TreeSource {
  private let session: RepositorySession
  private let shown: Mutex<ShownArchives>
  private let watch: ManifestWatch?
  private let matcher: PatternMatcher
  private let usesNames: Bool
  private let metadataReader: ChunkReader
  private let dataReader: ChunkReader
  private let readAhead: ReadAhead
  private let neighbours: NeighbourReader
  private let zeros: ZeroChunks
  public let index: (any TreeIndex)?
  /// The hosts of archives, by their id.
  private let hosts = Mutex<[ChunkID: [UInt8]]>([:])
  private let opened = Mutex(OpenedArchives())
  /// The matcher counts its matches, and archives may be read at the same time.
  private let matching = Mutex<Void>(())

  /// Since memory was last given back.
  private let streamChunksRead = Atomic<Int>(0)

  public let metadataBytes: Int

  private static let chunksToGiveBackAfter = 32
  private static let maximumHostLength = 255
  private static let filesAhead = 48
  /// A distant server's answers are as long on their way as many small files take.
  private static let filesAheadOfServers = 512

  /// Shows `entries`, in their order, and later what `watch` finds. `usesNames`: stored user and group names come
  /// before stored ids. `dataCacheBytes`: of plain chunks, for all files together. `metadataBytes`: no more decoded
  /// metadata than this is held, however much memory there is. `index`: where what is read of archives is kept for other
  /// processes.
  public init(
    session: RepositorySession, entries: [Manifest.Entry], watch: ManifestWatch? = nil, matcher: PatternMatcher,
    usesNames: Bool, dataCacheBytes: Int = 64 << 20, metadataBytes: Int = .max, index: (any TreeIndex)? = nil
  ) {
    let memory = Memory.availableBytes()
    let sizes = DataCacheSize.metadata(memory: memory)
    self.session = session
    shown = Mutex(ShownArchives(entries))
    self.watch = watch
    self.matcher = matcher
    self.usesNames = usesNames
    self.index = index
    self.metadataBytes = min(metadataBytes, sizes.decoded)
    metadataReader = ChunkReader(
      repository: session.repository, codec: session.codec, cacheBytes: sizes.stored)
    dataReader = ChunkReader(
      repository: session.repository, codec: session.codec, cacheBytes: dataCacheBytes,
      bytesInFlight: DataCacheSize.inFlight(memory: memory))
    readAhead = ReadAhead(reader: dataReader)
    neighbours = NeighbourReader(
      metadata: metadataReader, data: dataReader, readAhead: readAhead,
      filesAhead: session.repository.readAheadBytes > 0
        ? ArchiveTreeSource.filesAheadOfServers : ArchiveTreeSource.filesAhead)
    zeros = ZeroChunks(key: session.key)
  }

  deinit { readAhead.close() }

  /// What reading contents has cost so far.
  public var dataStatistics: ChunkReader.Counts { dataReader.statistics }

  public func archives() throws(TreeError) -> [TreeArchive] { shown.withLock { $0.archives } }

  public func changedArchives() -> [TreeArchive]? {
    guard let changed = watch?.changedEntries() else { return nil }
    let list = ShownArchives(changed)
    shown.withLock { $0 = list }
    opened.withLock { $0.keepOnly { list.entry(of: $0) != nil } }
    let ids = Set(list.archives.map(\.id))
    hosts.withLock { $0 = $0.filter { ids.contains($0.key) } }
    return list.archives
  }

  public var storedArchives: Set<ChunkID>? { Set(session.manifest.archives.map(\.id)) }

  public func forEachItem(
    in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) {
    let opened = try open(archive)
    streamChunksRead.add(opened.metadata.items.count, ordering: .relaxed)
    try reading { try ItemScanner.scan(opened) { try body($0) } }
  }

  public func streamChunks(of archive: TreeArchive) throws(TreeError) -> [ChunkID]? {
    try open(archive).metadata.items
  }

  public func streamChunk(_ id: ChunkID) throws(TreeError) -> [UInt8] {
    try reading { try metadataReader.chunk(id) }
  }

  public func forEachStreamChunk(
    _ ids: [ChunkID], decode: @escaping @Sendable (UnsafeRawBufferPointer) -> MetadataBlock,
    _ body: (MetadataBlock) throws(TreeError) -> Void
  ) throws(TreeError) {
    streamChunksRead.add(ids.count, ordering: .relaxed)
    try reading {
      try StreamChunks.forEach(ids, in: session, cost: \.byteCount) {
        $0.withUnsafeBytes(decode)
      } _: {
        try body($0)
      }
    }
  }

  public func item(in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> Item {
    let opened = try open(archive)
    return try reading { try ItemScanner.item(in: opened, at: location, reader: metadataReader) }
  }

  public func holeBytes(of chunks: [ChunkListEntry]) -> Int64 { zeros.holeBytes(of: chunks) }

  public func content(of item: Item) throws(TreeError) -> any TreeContent {
    ArchiveContent(item.chunks ?? [], of: item.path, reader: dataReader, readAhead: readAhead, zeros: zeros)
  }

  public func content(
    of item: Item, in archive: TreeArchive, at location: ItemLocation
  ) throws(TreeError) -> any TreeContent {
    neighbours.noteOpening(location, in: try open(archive))
    return try content(of: item)
  }

  public func accessControlList(_ text: [UInt8], byDefault: Bool) -> [UInt8]? {
    let list = AccessControlList(text: text, users: session.context.users, numericIDs: !usesNames)
    return list.flatMap { byDefault || $0.isExtended ? $0.kernelForm : nil }
  }

  public func userID(_ name: UnsafeRawBufferPointer) -> UInt32? {
    usesNames ? session.context.users.userID(Array(name)) : nil
  }

  public func groupID(_ name: UnsafeRawBufferPointer) -> UInt32? {
    usesNames ? session.context.users.groupID(Array(name)) : nil
  }

  public var selectsEverything: Bool { matcher.isEmpty }

  public func isSelected(_ path: UnsafeRawBufferPointer) -> Bool {
    if matcher.isEmpty { return true }
    return matching.withLock { _ in matcher.decide(path).isIncluded }
  }

  public func host(of archive: TreeArchive) throws(TreeError) -> [UInt8] {
    if let known = hosts.withLock({ $0[archive.id] }) { return known }
    // Opened for this alone: to keep hundreds of archives open would take memory for their lists of chunks.
    let opened = try reading { try Archive(entry(of: archive), in: session) }
    return keepHost(of: opened)
  }

  /// Mounts live for weeks: after much reading, what was merely set aside for more goes back to the system.
  public func noteArchiveRead() {
    guard streamChunksRead.load(ordering: .relaxed) >= ArchiveTreeSource.chunksToGiveBackAfter else { return }
    streamChunksRead.store(0, ordering: .relaxed)
    Memory.giveBack()
  }

  public func warn(_ message: String) { session.context.monitor.note(message, logger: "borg.fuse") }

  private func open(_ archive: TreeArchive) throws(TreeError) -> Archive {
    if let known = opened.withLock({ $0[archive] }) { return known }
    let entry = try entry(of: archive)
    let new = try reading { try Archive(entry, in: session) }
    opened.withLock { $0.keep(new, as: archive) }
    _ = keepHost(of: new)
    return new
  }

  /// A name that is none stays long only in the archive.
  private func keepHost(of opened: Archive) -> [UInt8] {
    let name = opened.metadata.hostname ?? []
    let host = name.count <= ArchiveTreeSource.maximumHostLength ? name : []
    hosts.withLock { $0[opened.entry.id] = host }
    return host
  }

  private func entry(of archive: TreeArchive) throws(TreeError) -> Manifest.Entry {
    guard let entry = shown.withLock({ $0.entry(of: archive) }) else { throw .noSuchArchive }
    return entry
  }

  /// Stored data that cannot be had is EIO, whatever the reason.
  private func reading<R>(_ body: () throws -> R) throws(TreeError) -> R {
    do { return try body() } catch let error as TreeError { throw error } catch { throw .ioFailed("\(error)") }
  }
}
