import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// What the parts of an archives check share. Used by the command's own thread.
final class CheckState {
  static let logger = "borg.archive"

  let session: RepositorySession
  let references: ReferenceTable
  let repairs: Bool
  private(set) var errorFound = false
  /// Objects that repaired archives no longer need: when nobody else does, they are no orphans.
  private(set) var superseded: Set<ChunkID> = []
  private let workspace = CodecWorkspace()
  private var zeroChunks: [UInt32: ChunkListEntry] = [:]

  init(_ session: RepositorySession, _ references: ReferenceTable, repairs: Bool) {
    self.session = session
    self.references = references
    self.repairs = repairs
  }

  var monitor: any Monitor { session.context.monitor }

  /// Logs an error and remembers that there was one.
  func report(_ message: String) {
    errorFound = true
    monitor.error(message, logger: CheckState.logger)
  }

  /// An error that others have logged.
  func noteError() { errorFound = true }

  func supersede(_ ids: [ChunkID]) { superseded.formUnion(ids) }

  /// Adds one reference to a chunk; with `repairs` it is stored when it is new.
  func store(_ plaintext: UnsafeRawBufferPointer) throws -> ChunkID {
    let id = session.key.id(of: plaintext)
    if references.add(id) { return id }
    if repairs {
      try session.repository.put(id, try session.codec.seal(plaintext, with: .lz4, workspace: workspace))
    }
    references.insert(id)
    return id
  }

  /// A chunk of so many zeros, with one reference more.
  func zeroChunk(size: UInt32) throws -> ChunkListEntry {
    if let known = zeroChunks[size], references.add(known.id) { return known }
    let zeros = [UInt8](repeating: 0, count: Int(size))
    var chunk = ChunkListEntry(id: try zeros.withUnsafeBytes { try store($0) }, size: size, storedSize: 0)
    if repairs { chunk.storedSize = UInt32(clamping: try session.repository.get(chunk.id).count) }
    zeroChunks[size] = chunk
    return chunk
  }

  /// What was wrong, as Borg's check says it: without the kind of error.
  static func text(_ error: any Error) -> String {
    switch error {
    case let error as IntegrityError: error.detail
    case let error as DecompressionError: error.detail
    default: "\(error)"
    }
  }

  /// Whether an error means that stored bytes are not what was written.
  static func isDamage(_ error: any Error) -> Bool {
    switch error {
    case is IntegrityError, is DecompressionError, is FormatError: true
    case ArchiveError.manifestTAMInvalid, ArchiveError.manifestTAMRequired, ArchiveError.archiveTAMInvalid,
      ArchiveError.archiveTAMRequired, ArchiveError.unsupportedTAMSuite:
      true
    default: false
    }
  }
}

/// How often each object of the repository is referred to.
final class ReferenceTable {
  private static let batch = 100_000

  private var index: HashIndex

  /// All objects, none referred to yet.
  init(of repository: any Repository) throws {
    let count = HashIndex.plausibleCapacity(try repository.objectCount())
    index = HashIndex(valueWords: 2, capacity: count + count / 10)
    try repository.forEachPage(of: ReferenceTable.batch) { ids in for id in ids { index.set(id, (0, 0, 0)) } }
  }

  var count: Int { index.count }

  func contains(_ id: ChunkID) -> Bool { index.contains(id) }

  /// One reference more; false when there is no such object.
  @discardableResult func add(_ id: ChunkID) -> Bool { index.addToFirst(id, 1) != nil }

  /// A new object with one reference.
  func insert(_ id: ChunkID) { index.set(id, (1, 0, 0)) }

  func remove(_ id: ChunkID) { index.remove(id) }

  /// In index order.
  var ids: [ChunkID] {
    var ids: [ChunkID] = []
    ids.reserveCapacity(count)
    index.forEach { id, _ in ids.append(id) }
    return ids
  }

  var unused: [ChunkID] {
    var ids: [ChunkID] = []
    index.forEach { id, value in
      if value.0 == 0 { ids.append(id) }
    }
    return ids
  }
}

/// Finds the objects that nothing refers to, and deletes them.
struct OrphanCheck {
  private let state: CheckState

  init(_ state: CheckState) {
    self.state = state
  }

  func run(concernsAllArchives: Bool) throws {
    guard concernsAllArchives else {
      return info("Orphaned objects check skipped (needs all archives checked).")
    }
    let unused = state.references.unused
    let orphanCount = unused.count { !state.superseded.contains($0) }
    if orphanCount > 0 { state.report("\(orphanCount) orphaned objects found!") }
    guard state.repairs, !unused.isEmpty else { return }
    info("Deleting \(orphanCount) orphaned and \(unused.count - orphanCount) superseded objects...")
    for id in unused { try state.session.repository.delete(id) }
    info("Finished deleting orphaned/superseded objects.")
  }

  private func info(_ message: String) { state.monitor.info(message, logger: CheckState.logger) }
}
