import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// One archive, opened for reading: its metadata with a verified TAM.
public struct Archive: Sendable {
  public let session: RepositorySession
  public let entry: Manifest.Entry
  public let metadata: ArchiveMetadata
  /// Whether a TAM was present and verified.
  public let isAuthenticated: Bool
  /// Plaintext and envelope length of the metadata object.
  public let metadataSize: Int
  public let metadataStoredSize: Int

  /// Throws `ArchiveError.doesNotExist`, TAM errors, or integrity errors.
  public init(named name: [UInt8], in session: RepositorySession) throws {
    guard let entry = session.manifest.entry(named: name) else { throw ArchiveError.doesNotExist(name: name) }
    try self.init(entry, in: session)
  }

  public init(_ entry: Manifest.Entry, in session: RepositorySession) throws {
    let object = try session.repository.get(entry.id)
    let plaintext = try session.codec.unseal(object, id: entry.id, workspace: CodecWorkspace())
    try self.init(entry, plaintext: plaintext, storedSize: object.count, in: session)
  }

  /// Ordinary commands require no TAM of an archive, but a wrong one is always an error.
  init(
    _ entry: Manifest.Entry, plaintext: [UInt8], storedSize: Int, in session: RepositorySession
  ) throws {
    self.session = session
    self.entry = entry
    metadataSize = plaintext.count
    metadataStoredSize = storedSize
    do {
      isAuthenticated = try TAM.verify(plaintext, key: session.key, .archive, required: false)
    } catch ArchiveError.archiveTAMInvalid where session.context.worksAround("ignore_invalid_archive_tam") {
      isAuthenticated = false
    }
    metadata = try ArchiveMetadata(decoding: plaintext)
  }

  /// Start in nanoseconds since 1970; 0 when the stored text is no time.
  public var start: Int64 { Archive.nanoseconds(metadata.time) }
  /// End in nanoseconds since 1970; old archives only know their start.
  public var end: Int64 { Archive.nanoseconds(metadata.timeEnd ?? metadata.time) }

  private static func nanoseconds(_ time: [UInt8]) -> Int64 {
    Timestamp.parseUTC(String(decoding: time, as: UTF8.self)) ?? 0
  }

  /// All items in archive order. `body` returns false to stop.
  public func forEachItem(_ body: (Item) throws -> Bool) throws {
    let stream = try ItemStream(self)
    defer { stream.close() }
    while let item = try stream.next() {
      guard try body(item) else { return }
    }
  }

  /// All items, and `chunk` for each metadata chunk when it is come to. `opened`: the stream, not yet read.
  public func forEachItem(
    in opened: ItemStream? = nil, chunk: () -> Void, _ body: (Item) throws -> Void
  ) throws {
    let stream = try opened ?? ItemStream(self)
    defer { stream.close() }
    var seen = 0
    while let item = try stream.next() {
      while seen < stream.chunksTaken {
        chunk()
        seen += 1
      }
      try body(item)
    }
    for _ in seen..<max(seen, stream.chunksTaken) { chunk() }
  }
}

/// What an archive holds, in numbers (archives.md 4.1).
extension Archive {
  /// Stored statistics, or computed from the items for archives that lack them (made before 1.2).
  public func statistics() throws -> Statistics {
    var statistics = Statistics()
    if let fileCount = metadata.fileCount {
      statistics.fileCount = fileCount
      statistics.originalSize = metadata.size ?? 0
      statistics.compressedSize = metadata.storedSize ?? 0
      statistics.fileCountParts = metadata.fileCountParts ?? 0
      statistics.originalSizeParts = metadata.sizeParts ?? 0
      statistics.compressedSizeParts = metadata.storedSizeParts ?? 0
      return statistics
    }
    try forEachItem { item in
      guard let chunks = item.chunks else { return true }
      let isPart = item.part != nil
      if isPart { statistics.fileCountParts += 1 } else { statistics.fileCount += 1 }
      for chunk in chunks {
        statistics.add(size: Int64(chunk.size), storedSize: Int64(chunk.storedSize), unique: false, part: isPart)
      }
      return true
    }
    return statistics
  }

  /// Stored bytes of the file chunks that no other archive refers to, by the reference counts of `chunks`.
  public func deduplicatedSize(in chunks: ChunkIndex) throws -> Int64 {
    var references: [ChunkID: UInt32] = [:]
    try forEachItem { item in
      for chunk in item.chunks ?? [] { references[chunk.id, default: 0] &+= 1 }
      return true
    }
    return references.reduce(0) { sum, reference in
      guard let entry = chunks[reference.key], entry.references == reference.value else { return sum }
      return sum + Int64(entry.storedSize)
    }
  }
}

/// Changing the list of archives. Nothing is committed here.
extension Archive {
  /// Drops one reference of everything the archive holds (deleting what nobody else needs) and takes it out of the
  /// manifest in memory. With `force`, damaged metadata is tolerated; returns whether any was.
  ///
  /// Items behind damage are left referenced, since where they begin is not known: `check --repair` frees them.
  /// `items`: the archive's stream, if it was opened before.
  public func delete(
    items: ItemStream? = nil, cache: Cache, statistics: inout Statistics, force: Bool
  ) throws -> Bool {
    var isDamaged = false
    /// Runs `body`; with `force` a missing or damaged object is only noted.
    func tolerating(_ body: () throws -> Void) throws {
      do {
        try body()
      } catch let error where force && Archive.isDamage(error) {
        isDamaged = true
      }
    }
    var progress = PercentProgress(
      messageID: "archive.delete", total: metadata.items.count, stepInTenths: 50, monitor: session.context.monitor)
    try tolerating {
      try forEachItem(in: items, chunk: { progress.advance(by: 1) { "Decrementing references \($0)%" } }) { item in
        for chunk in item.chunks ?? [] {
          try tolerating {
            try cache.removeReference(chunk.id, statistics: &statistics, part: item.part != nil)
          }
        }
      }
    }
    progress.finish()
    for id in metadata.items + [entry.id] {
      try tolerating { try cache.removeReference(id, statistics: &statistics) }
    }
    // Otherwise the commit tells.
    if force { try tolerating { try session.repository.settle() } }
    session.manifest.remove(named: entry.name)
    return isDamaged
  }

  private static func isDamage(_ error: any Error) -> Bool {
    switch error {
    case RepositoryError.objectNotFound: true
    case is IntegrityError, is DecompressionError, is FormatError: true
    default: false
    }
  }

  /// Gives the archive's metadata a TAM, and so a new id, which is returned; manifest in memory changed.
  public func authenticate(cache: Cache) throws -> ChunkID {
    try session.requireKey()
    let id = try store(metadata, cache: cache)
    session.manifest.set(Manifest.Entry(name: entry.name, id: id, time: entry.time))
    var unused = Statistics()
    try cache.removeReference(entry.id, statistics: &unused)
    return id
  }

  /// Packs metadata with a fresh TAM and stores it.
  private func store(_ metadata: ArchiveMetadata, cache: Cache) throws -> ChunkID {
    let packed = TAM.seal(key: session.key, .archive) { metadata.encoded(tam: $0) }
    let id = packed.withUnsafeBytes { session.key.id(of: $0) }
    let object = try packed.withUnsafeBytes {
      try session.codec.seal($0, with: .lz4, workspace: CodecWorkspace())
    }
    guard let size = UInt32(exactly: packed.count) else { throw ArchiveError.archiveTooBig }
    try cache.add(id, object: object, size: size)
    return id
  }

  /// Gives the archive a new name: new metadata object, manifest in memory changed.
  public func rename(to name: [UInt8], cache: Cache) throws {
    try session.requireKey()
    guard session.manifest.entry(named: name) == nil else { throw ArchiveError.alreadyExists(name: name) }
    var renamed = metadata
    renamed.name = name
    let id = try store(renamed, cache: cache)
    session.manifest.set(Manifest.Entry(name: name, id: id, time: metadata.time))
    var unused = Statistics()
    try cache.removeReference(entry.id, statistics: &unused)
    session.manifest.remove(named: entry.name)
  }
}
