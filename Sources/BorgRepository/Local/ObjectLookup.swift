import BorgFormat
import BorgSystem
import Glibc

/// Finding and listing objects (repository.md 6.5 and section 7).
extension RepositoryCore {
  /// Where an object can be had.
  enum Found {
    /// It was still in the write buffer.
    case buffered([UInt8])
    case stored(File, EntryLocation)
  }

  /// Throws `RepositoryError.objectNotFound`; `IntegrityError` when its segment is missing.
  func find(_ id: ChunkID) throws -> Found {
    guard let location = try location(of: id) else {
      throw RepositoryError.objectNotFound(id: id, path: pathText)
    }
    if let object = try store.bufferedObject(id, at: location) { return .buffered(object) }
    return .stored(try store.file(Int(location.segment)), location)
  }

  private func location(of id: ChunkID) throws -> EntryLocation? {
    try readsOnly ? lockFreeLocation(id) : readableIndex()[id]
  }

  /// Parts of segment files in which the wanted objects lie.
  func runs(of ids: [ChunkID]) throws -> [(file: File, start: Int, count: Int)] {
    let locations = try ids.compactMap { try location(of: $0) }.sorted {
      ($0.segment, $0.offset) < ($1.segment, $1.offset)
    }
    var runs: [(segment: UInt32, start: Int, end: Int)] = []
    for location in locations {
      let start = Int(location.offset)
      if let last = runs.last, last.segment == location.segment, start - last.end < RepositoryCore.maximumGap {
        runs[runs.count - 1].end = start + RepositoryCore.typicalEntrySize
      } else {
        runs.append((location.segment, start, start + RepositoryCore.typicalEntrySize))
      }
    }
    return try runs.map { (try store.file(Int($0.segment)), $0.start, $0.end - $0.start) }
  }

  /// In index order. Throws `RepositoryError.objectNotFound` for an unknown marker.
  func list(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    guard limit > 0 else { return [] }
    guard let ids = try wholeIndex().ids(after: marker, limit: limit) else {
      throw RepositoryError.objectNotFound(id: marker ?? .manifest, path: pathText)
    }
    return ids
  }

  /// In on-disk order. A damaged header ends its segment silently.
  func scan(after marker: ChunkID?, limit: Int) throws -> [ChunkID] {
    guard limit > 0 else { throw RepositoryError.refused("please use limit > 0 or limit = None") }
    let index = try readableIndex()
    var start: EntryLocation?
    if let marker {
      start = index[marker]
      guard start != nil else { throw RepositoryError.objectNotFound(id: marker, path: pathText) }
    }
    var ids: [ChunkID] = []
    try store.files.forEach(from: Int(start?.segment ?? 0)) { segment in
      let isFirst = start.map { Int($0.segment) == segment } ?? false
      let offset = isFirst ? Int(start?.offset ?? 0) : 0
      try collect(segment, from: offset, skippingMarker: offset > 0, index, limit, &ids)
      return ids.count < limit
    }
    return ids
  }

  private func collect(
    _ segment: Int, from offset: Int, skippingMarker: Bool, _ index: RepositoryIndex, _ limit: Int,
    _ ids: inout [ChunkID]
  ) throws {
    do {
      try store.scan(segment, from: offset, verifiesChecksums: false) { entry in
        if skippingMarker, entry.offset == offset { return true }
        if entry.tag == .put, index[entry.id] == EntryLocation(entry, in: segment) { ids.append(entry.id) }
        return ids.count < limit
      }
    } catch is IntegrityError {}
  }

  /// Objects closer together than this are read ahead in one go.
  private static let maximumGap = 4 << 20
  private static let typicalEntrySize = 64 << 10
}

/// Nonce, quota, key and end of a repository.
extension RepositoryCore {
  func freeNonce() throws -> UInt64? {
    try requireExclusiveLock()
    return try NonceFile(repository: path).read()
  }

  func commitNonceReservation(next: UInt64, start: UInt64?) throws {
    guard try freeNonce() == start else {
      throw RepositoryError.refused("nonce space reservation with mismatched previous state")
    }
    do {
      try NonceFile(repository: path).write(next)
    } catch let error as SystemError where lock == nil && [EACCES, EPERM].contains(error.code) {
      noteReadOnly(error, monitor)
    }
  }

  func configValue(_ option: String) -> String? {
    config[RepositorySettings.section, option]
  }

  func storageQuotaUse() throws -> Int64 {
    if let transaction { return transaction.hints.storageQuotaUse }
    if readsOnly { return try indexTransaction().map { try readHints($0).hints.storageQuotaUse } ?? 0 }
    guard let current = try settledTransaction() else { return 0 }
    return try loadHints(current, readableIndex())?.storageQuotaUse ?? 0
  }

  func destroy() throws {
    try requireWriting()
    guard !appendOnly else { throw RepositoryError.appendOnly(path: pathText) }
    close()
    try Files.unlink(Files.join(path, Array("config".utf8)))
    try Files.removeTree(path)
  }
}
