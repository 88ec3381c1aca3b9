import BorgFormat
import BorgSystem

/// `chunks.archive.d`: the chunk index of each archive that was seen, in compact form (caches.md section 5).
struct ArchiveIndexStore {
  private let directory: [UInt8]
  private let monitor: any Monitor

  private static let suffix = ".compact"
  private static let integritySuffix = ".integrity"

  /// Nil when BORG_USE_CHUNKS_ARCHIVE forbids it, or when something else stands in the directory's place.
  init?(cache: [UInt8], environment: Environment, monitor: any Monitor) {
    let use = environment["BORG_USE_CHUNKS_ARCHIVE"] ?? "yes"
    guard ["yes", "1", "true"].contains(use.lowercased()) else { return nil }
    directory = CachePath.file(CacheDirectory.archivesName, in: cache)
    self.monitor = monitor
    if !Files.exists(directory) { try? Files.makeDirectory(directory) }
    guard CachePath.isDirectory(directory) else { return nil }
  }

  /// The archives that have an index here.
  func ids() throws -> Set<ChunkID> {
    var ids: Set<ChunkID> = []
    for name in try Files.names(in: directory) {
      guard name.count == 64 || name.count == 72 && name.suffix(8).elementsEqual(Self.suffix.utf8) else { continue }
      if let id = ChunkID(hex: String(decoding: name.prefix(64), as: UTF8.self)) { ids.insert(id) }
    }
    return ids
  }

  /// Adds the archive's index to `master`. False when it is damaged or gone: then it has to be built again.
  func merge(_ id: ChunkID, named name: [UInt8], into master: inout HashIndex) -> Bool {
    do {
      if try mergeCompact(id, into: &master) {
        removeFile(path(id))
        return true
      }
      return try mergeOldForm(id, into: &master)
    } catch {
      monitor.log(
        LogRecord(
          .error, logger: "borg.cache",
          "Cached archive chunk index of \(displayText(name)) is corrupted: \(error)", warningCode: 1))
      remove(id)
      return false
    }
  }

  /// Keeps an archive's index; failing to do so only costs time later.
  func store(_ index: borrowing HashIndex, for id: ChunkID) {
    let name = id.hex + Self.suffix
    let temporary = path(id, ".tmp")
    let bytes = index.compactFile()
    do {
      let digests = try bytes.withUnsafeBytes {
        try VerifiedFile.write($0, to: temporary, name: name, headerLength: HashIndex.headerSize)
      }
      try VerifiedFile.overwrite(path(id, Self.suffix + Self.integritySuffix), with: digests)
      try Files.rename(temporary, path(id, Self.suffix))
    } catch {
      try? Files.unlink(temporary)
    }
  }

  func remove(_ id: ChunkID) {
    removeFile(path(id))
    removeFile(path(id, Self.suffix))
  }

  /// The index goes first: its digests alone are nothing.
  private func removeFile(_ path: [UInt8]) {
    guard (try? Files.unlink(path)) != nil else { return }
    try? Files.unlink(path + Array(Self.integritySuffix.utf8))
  }

  private func path(_ id: ChunkID, _ suffix: String = "") -> [UInt8] {
    CachePath.file(id.hex + suffix, in: directory)
  }

  /// False when there is no compact index. Throws `IntegrityError` or `FormatError`.
  private func mergeCompact(_ id: ChunkID, into master: inout HashIndex) throws -> Bool {
    guard let bytes = try read(id, Self.suffix) else { return false }
    try master.mergeCompact(bytes)
    return true
  }

  /// An index of Borg before 1.1, which is a whole table; it becomes a compact one.
  private func mergeOldForm(_ id: ChunkID, into master: inout HashIndex) throws -> Bool {
    guard let bytes = try read(id, "") else { return false }
    let index = try HashIndex(decoding: bytes, valueWords: 3)
    remove(id)
    store(index, for: id)
    index.forEach { master.merge($0, $1) }
    return true
  }

  private func read(_ id: ChunkID, _ suffix: String) throws -> [UInt8]? {
    let path = path(id, suffix)
    guard Files.exists(path) else { return nil }
    let bytes = try Files.read(path)
    let integrity = try? Files.read(path + Array(Self.integritySuffix.utf8))
    let isIntact = bytes.withUnsafeBytes {
      VerifiedFile.isIntact(
        $0, name: id.hex + suffix, integrity: integrity.map { String(decoding: $0, as: UTF8.self) },
        headerLength: HashIndex.headerSize, monitor: monitor)
    }
    guard isIntact else { throw IntegrityError("File failed integrity check: \(displayText(path))") }
    return bytes
  }
}
