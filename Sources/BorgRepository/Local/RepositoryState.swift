import BorgFormat
import BorgSystem
import Glibc

/// Which transaction the files on disk stand for, and its index and hints (repository.md sections 11 and 12).
extension RepositoryCore {
  /// The current transaction: index and segments agree on it, after a replay where they did not. Nil: nothing was
  /// ever committed. Throws `RepositoryError.checkNeeded` when there is an index but no COMMIT at all, and refuses
  /// where nothing may be changed.
  func settledTransaction() throws -> Int? {
    try requireWriting()
    for _ in 0..<RepositoryCore.maximumAttempts {
      let indexed = try indexTransaction()
      let committed = try store.latestCommittedSegment()
      if indexed == committed { return committed }
      guard let committed else { throw RepositoryError.checkNeeded(path: beyondRepair) }
      let base = indexed.flatMap { $0 < committed ? $0 : nil }
      if try replay(from: base, to: committed) { return committed }
    }
    throw RepositoryError.checkNeeded(path: pathText)
  }

  /// The index to look objects up in.
  func readableIndex() throws -> RepositoryIndex {
    if readsOnly { return try lockFreeIndex() }
    if let index { return index }
    try requireOpen()
    for _ in 0..<RepositoryCore.maximumAttempts {
      let current = try settledTransaction()
      if let loaded = try current.map({ try loadIndex($0) }) ?? RepositoryIndex() {
        index = loaded
        return loaded
      }
    }
    throw RepositoryError.checkNeeded(path: pathText)
  }

  /// The highest number of a non-empty `index.N`.
  func indexTransaction() throws -> Int? {
    let prefix = Array("index.".utf8)
    return try Files.names(in: path).compactMap { name -> Int? in
      guard name.starts(with: prefix), let number = decimal(name.dropFirst(prefix.count)),
        number <= SegmentStore.maximumSegment
      else { return nil }
      return (try? Files.status(Files.join(path, name)).st_size) ?? 0 > 0 ? number : nil
    }.max()
  }

  /// Nil when the index is missing or damaged: it is gone then, and `settledTransaction` makes a new one.
  func loadIndex(_ transaction: Int) throws -> RepositoryIndex? {
    let path = auxiliaryPath(.index, transaction)
    do {
      return try readIndex(transaction)
    } catch let error where RepositoryCore.meansDamage(error) {
      monitor.note(
        "Repository index missing or corrupted, trying to recover from: \(error)", logger: repositoryLogger)
      try unlinkIfThere(path)
      return nil
    }
  }

  /// Nil when the hints are missing or damaged: hints and index are gone then, so that a replay makes new ones.
  func loadHints(_ transaction: Int, _ index: RepositoryIndex) throws -> Hints? {
    do {
      let file = try readHints(transaction)
      var hints = file.hints
      for segment in (file.sparseSegments ?? []).sorted() { try countFreeable(segment, index, &hints) }
      return hints
    } catch let error where RepositoryCore.meansDamage(error) {
      monitor.note("Repository hints file missing or corrupted, trying to recover: \(error)", logger: repositoryLogger)
      try unlinkIfThere(auxiliaryPath(.hints, transaction))
      try unlinkIfThere(auxiliaryPath(.index, transaction))
      return nil
    }
  }

  /// Throws what `meansDamage` tells.
  func readIndex(_ transaction: Int) throws -> RepositoryIndex {
    let path = auxiliaryPath(.index, transaction)
    let verify = try verification(.index, transaction)
    do {
      return try RepositoryIndex(reading: File.open(path, O_RDONLY), verify)
    } catch let error as FormatError {
      // A file that has not even a table's length was not looked at; its digest comes first.
      try Files.read(path).withUnsafeBytes { try verify($0) }
      throw error
    }
  }

  /// The same for looking up alone, read piece by piece: the whole file may be larger than the memory there is. One
  /// that is damaged, or whose ids crowd, is read whole after all. Throws what `meansDamage` tells.
  func readLocations(_ transaction: Int) throws -> RepositoryIndex {
    let path = auxiliaryPath(.index, transaction)
    let integrity = try IntegrityFile.read(auxiliaryPath(.integrity, transaction), monitor: monitor)
    guard let table = try? locations(path, AuxiliaryFile.index.name(transaction), integrity), !table.isCrowded else {
      return try readIndex(transaction)
    }
    return RepositoryIndex(table)
  }

  /// The same to look a few objects up at first; without anything verified, unless the file is small. Throws what
  /// `meansDamage` tells.
  func searchLocations(_ transaction: Int) throws -> RepositoryIndex {
    let file = try File.open(auxiliaryPath(.index, transaction), O_RDONLY)
    guard let searched = try? SearchedIndexFile(file, searching) else {
      return try readLocations(transaction)
    }
    return RepositoryIndex(searching: searched)
  }

  /// Nil, or an error: the file is not what it should be.
  private func locations(_ path: [UInt8], _ name: String, _ integrity: IntegrityFile) throws -> LocationTable? {
    let reader = IndexFileReader(try File.open(path, O_RDONLY))
    switch integrity.verification(of: .index, path: path, monitor: monitor) {
    case .impossible: return nil
    case .unguarded: return try reader.locations { _ in }
    case .guarded(let data):
      var running = data.running(fileName: name, headerLength: HashIndex.headerSize)
      let table = try reader.locations { running.update($0) }
      return data.verifies(running) ? table : nil
    }
  }

  private static func failedCheck(_ path: [UInt8]) -> FormatError {
    FormatError("File failed integrity check: \(String(decoding: path, as: UTF8.self))")
  }

  /// Throws what `meansDamage` tells.
  func readHints(_ transaction: Int) throws -> HintsFile {
    let verify = try verification(.hints, transaction)
    let bytes = try Files.read(auxiliaryPath(.hints, transaction))
    try bytes.withUnsafeBytes { try verify($0) }
    return try HintsFile(decoding: bytes)
  }

  /// What throws `FormatError` for a file's bytes unless they match the digest that `integrity.N` has for them.
  private func verification(
    _ kind: AuxiliaryFile, _ transaction: Int
  ) throws -> (UnsafeRawBufferPointer) throws -> Void {
    let path = auxiliaryPath(kind, transaction)
    let integrity = try IntegrityFile.read(auxiliaryPath(.integrity, transaction), monitor: monitor)
    return { [monitor] bytes in
      guard integrity.verifies(kind, path: path, name: kind.name(transaction), bytes, monitor: monitor) else {
        throw RepositoryCore.failedCheck(path)
      }
    }
  }

  /// Counts the freeable bytes of a segment that version 1 hints only name.
  private func countFreeable(_ segment: Int, _ index: RepositoryIndex, _ hints: inout Hints) throws {
    guard let size = try store.files.size(of: segment) else {
      hints.segments[segment] = nil
      return
    }
    if hints.segments[segment] ?? 0 == 0 {
      hints.compact[segment] = size
      return
    }
    var freeable = 0
    try store.scan(segment, verifiesChecksums: false) { entry in
      let isCurrent = entry.tag == .put && index[entry.id] == EntryLocation(entry, in: segment)
      if entry.tag != .commit, !isCurrent { freeable += entry.size }
      return true
    }
    hints.compact[segment] = freeable
  }

  private func unlinkIfThere(_ path: [UInt8]) throws {
    do {
      try Files.unlink(path)
    } catch let error as SystemError where error.code == ENOENT {}
  }

  private static func meansDamage(_ error: any Error) -> Bool {
    if let error = error as? SystemError { return error.code == ENOENT || error.code == EIO }
    return error is FormatError
  }

  /// Borg's way to put more words into the message of CheckNeeded.
  private var beyondRepair: String { "\(pathText)\" - although likely this is \"beyond repair" }

  /// Each attempt removes a damaged file; one more than there are kinds of them is plenty.
  private static let maximumAttempts = 5
}

extension EntryLocation {
  init(_ entry: SegmentScanner.Entry, in segment: Int) {
    self.init(segment: UInt32(truncatingIfNeeded: segment), offset: UInt32(truncatingIfNeeded: entry.offset))
  }
}
