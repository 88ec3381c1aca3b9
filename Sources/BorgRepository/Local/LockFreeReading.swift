import BorgFormat
import BorgSystem
import Glibc

// Reading without a lock while others write, real Borg among them.
//
// Nothing on disk is ever changed here, and nothing that is read is believed for being there:
//
// - A state is what the newest index file says, with the committed segments above it replayed in memory. A writer puts
//   its COMMIT first and the new index afterwards, so either way the state is one that was committed; segments above the
//   last COMMIT do not exist for us.
// - Compaction copies an object, commits the copy, and only then deletes the old segment. A reader whose state is old
//   finds the segment gone (or, where a number was used again, another entry in it: every read checks tag, id and
//   checksum). That is the sign to take up the newest state and look once more. An object that is not in the newest
//   state either is truly gone.
// - A segment that is deleted while it is open here stays readable, and what it holds stays true: an object's id is the
//   (keyed) hash of its contents, which is checked after decryption. Only the manifest has the same id always; it is
//   read anew whenever the state changes, and its authentication is checked each time.
// - A race can only show as something missing, never as something wrong; then the whole attempt is made again.

/// What tells one committed state of a repository from another.
struct RepositoryStamp: Equatable {
  /// The transaction of the newest index file, and which file that is.
  var indexed: Int?
  var file: UInt64 = 0
  var modified: Int64 = 0
}

struct RepositoryEnd: Equatable {
  var segment: Int?
  var size: Int?
}

extension RepositoryCore {
  /// Throws `RepositoryError.lockFailed` where others may write but not this process. Where nobody can, as on read-only
  /// media, nothing needs a lock.
  static func requireLockable(_ path: [UInt8]) throws {
    guard Files.exists(path) else { return }
    do {
      try Files.requireWritable(path)
    } catch let error as SystemError {
      guard error.code != EROFS else { return }
      let lock = lockPath(path) + Array(".exclusive".utf8)
      throw RepositoryError.lockFailed(path: String(decoding: lock, as: UTF8.self), reason: error.description)
    }
  }

  /// The index of a committed state: the newest one when this is first asked for, and after a refresh that took it up.
  func lockFreeIndex() throws -> RepositoryIndex {
    if let index, index.isFinal { return index }
    return try takeUpState { try readLocations($0) }
  }

  /// Where that state has an object, or seems to: whoever then does not find it there asks for a refresh.
  func lockFreeLocation(_ id: ChunkID) throws -> EntryLocation? {
    let index = try index ?? takeUpState { try searchLocations($0) }
    if let found = index[id] { return found }
    return index.isFinal ? nil : try lockFreeIndex()[id]
  }

  private func takeUpState(_ read: (_ transaction: Int) throws -> RepositoryIndex) throws -> RepositoryIndex {
    try requireOpen()
    var attempt: UInt32 = 0
    while true {
      var before: (stamp: RepositoryStamp, end: RepositoryEnd)?
      do {
        let (stamp, end) = (try currentStamp(), try currentEnd())
        before = (stamp, end)
        let loaded = try loadCommittedState(stamp, read)
        if let old = self.stamp, old != stamp { forgetState() }
        if index != nil { stateNumber += 1 }
        (index, self.stamp, self.end) = (loaded, stamp, end)
        return loaded
      } catch let error where RepositoryCore.mayBeRace(error) {
        store.forgetFiles()
        attempt += 1
        if attempt == RepositoryCore.maximumRaces { throw error }
        // Segments that were read in peace will not be better the next time.
        if error is IntegrityError, let before, try (currentStamp(), currentEnd()) == before { throw error }
        usleep(attempt * 5_000)
      }
    }
  }

  /// Whether the state in use has changed since this was last asked. The newest state is taken up when its index file
  /// is another than the one in use.
  func refresh() throws -> Bool {
    guard readsOnly else { return false }
    if let stamp, try currentStamp() != stamp { forgetState() }
    defer { hasNewState = false }
    return hasNewState
  }

  /// After something was not where state number `state` has it: whether there is another state to look in. That is
  /// taken up when the one in use is still that one and the repository has changed in any way.
  func refreshAfterMiss(in state: Int) throws -> Bool {
    guard readsOnly else { return false }
    guard state == stateNumber else { return true }
    if let stamp, try currentStamp() != stamp || currentEnd() != end {
      forgetState()
      return true
    }
    // What a search of the index file told was not verified: the whole file may tell otherwise.
    guard let index, !index.isFinal else { return false }
    _ = try lockFreeIndex()
    return true
  }

  /// Lets go of files that the repository's disk could not be unmounted for. A reader under way looks once more.
  func releaseFiles() {
    store.forgetFiles()
    guard let index, !index.isFinal else { return }
    self.index = nil
    stateNumber += 1
  }

  private func forgetState() {
    index = nil
    stamp = nil
    stateNumber += 1
    hasNewState = true
    store.forgetFiles()
  }

  /// Where the last segment ends, committed or not.
  private func currentEnd() throws -> RepositoryEnd {
    let segment = try store.files.latest()
    return RepositoryEnd(segment: segment, size: try segment.flatMap { try store.files.size(of: $0) })
  }

  private func currentStamp() throws -> RepositoryStamp {
    guard let transaction = try indexTransaction() else { return RepositoryStamp() }
    let status = try Files.status(auxiliaryPath(.index, transaction))
    let modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    return RepositoryStamp(indexed: transaction, file: UInt64(status.st_ino), modified: modified)
  }

  /// An index whose ids can be listed, which nobody needs often.
  func wholeIndex() throws -> RepositoryIndex {
    let index = try readableIndex()
    return index.isWhole ? index : try loadCommittedState(currentStamp()) { try readIndex($0) }
  }

  private func loadCommittedState(
    _ stamp: RepositoryStamp, _ read: (_ transaction: Int) throws -> RepositoryIndex
  ) throws -> RepositoryIndex {
    guard let committed = try store.latestCommittedSegment() else {
      guard stamp.indexed == nil else { throw RepositoryError.checkNeeded(path: pathText) }
      return RepositoryIndex()
    }
    let base = stamp.indexed ?? -1
    guard base <= committed else { throw RepositoryError.checkNeeded(path: pathText) }
    guard let indexed = stamp.indexed, let index = try indexFile(indexed, of: stamp, read) else {
      let index = RepositoryIndex()
      try replayInMemory(0...committed, into: index)
      return index
    }
    if base == committed { return index }
    if !index.isFinal { return try loadCommittedState(stamp) { try readLocations($0) } }
    try replayInMemory(base + 1...committed, into: index)
    return index
  }

  /// What `read` makes of an index file; nil: the file is damaged. That it is no race shows when the next attempt finds
  /// the same.
  private func indexFile(
    _ transaction: Int, of stamp: RepositoryStamp, _ read: (_ transaction: Int) throws -> RepositoryIndex
  ) throws -> RepositoryIndex? {
    do { return try read(transaction) } catch let error {
      let isUnreadable = (error as? SystemError)?.code == EIO
      guard isUnreadable || error is FormatError && damaged == stamp else {
        if error is FormatError { damaged = stamp }
        throw error
      }
      monitor.note(
        "Repository index missing or corrupted, trying to recover from: \(error)", logger: repositoryLogger)
      return nil
    }
  }

  /// Only headers are looked at: whoever reads an object checks it. Throws `SystemError` when the last segment, which was
  /// there, is gone: a state without what it said newly, such as the manifest, was never committed.
  func replayInMemory(_ segments: ClosedRange<Int>, into index: RepositoryIndex) throws {
    var last = segments.lowerBound - 1
    try store.files.forEach(from: segments.lowerBound) { segment in
      guard segment <= segments.upperBound else { return false }
      try SegmentStore.requireNumber(segment)
      last = segment
      try store.scan(segment, verifiesChecksums: false) { entry in
        switch entry.tag {
        case .put: index.set(entry.id, EntryLocation(entry, in: segment))
        case .delete: index.remove(entry.id)
        case .commit: break
        }
        return true
      }
      return true
    }
    guard last == segments.upperBound else {
      throw SystemError(code: ENOENT, path: store.files.path(of: segments.upperBound))
    }
  }

  /// What others' writing can look like to somebody who reads meanwhile.
  static func mayBeRace(_ error: any Error) -> Bool {
    switch error {
    case let error as SystemError: error.code == ENOENT || error.code == ESTALE
    case RepositoryError.checkNeeded, RepositoryError.objectNotFound: true
    case is IntegrityError, is FormatError: true
    default: false
    }
  }

  private static let maximumRaces: UInt32 = 8
}
