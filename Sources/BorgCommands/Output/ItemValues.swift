import BorgFormat
import BorgObjects

/// What the keys of formats and JSON lines are worth for an item. Not for two threads.
final class ItemValues {
  /// What the rarer keys need to know about things outside of the item.
  struct Sources {
    /// How often all archives together refer to a chunk; nil when nobody does. For dsize, dcsize, unique_chunks.
    var references: ((ChunkID) -> UInt32?)?
    /// The plaintext of a chunk. For the hashes.
    var content: ((ChunkListEntry) throws -> [UInt8])?

    init(
      references: ((ChunkID) -> UInt32?)? = nil, content: ((ChunkListEntry) throws -> [UInt8])? = nil
    ) {
      self.references = references
      self.content = content
    }
  }

  let archiveName: [UInt8]
  let archiveID: [UInt8]
  private let sources: Sources
  var time: LocalTime

  init(archiveName: [UInt8], archiveID: ChunkID, sources: Sources = Sources(), time: LocalTime = LocalTime()) {
    self.archiveName = archiveName
    self.archiveID = Array(archiveID.hex.utf8)
    self.sources = sources
    self.time = time
  }

  func integer(_ field: ItemField, of item: Item) -> Int64 {
    switch field {
    case .uid: item.uid
    case .gid: item.gid
    case .flags: Int64(clamping: item.bsdflags ?? 0)
    case .size: item.listedSize
    case .csize: item.listedStoredSize
    case .dsize: sumOfUnique(item) { Int64($0.size) }
    case .dcsize: sumOfUnique(item) { Int64($0.storedSize) }
    case .numberOfChunks: Int64(item.chunks?.count ?? 0)
    case .uniqueChunks: sumOfUnique(item) { _ in 1 }
    default: preconditionFailure("no number: \(field)")
    }
  }

  /// A missing or empty name gives way to the id.
  func owner(_ field: ItemField, of item: Item) -> (name: [UInt8]?, id: Int64) {
    let (name, id) = field == .user ? (item.user, item.uid) : (item.group, item.gid)
    return (name?.isEmpty ?? true ? nil : name, id)
  }

  /// Missing and zero times give way to the modification time.
  func moment(_ field: ItemField, of item: Item) -> LocalTime.Moment {
    let own: Int64?
    switch field {
    case .ctime, .isoctime: own = item.ctime
    case .atime, .isoatime: own = item.atime
    default: own = nil
    }
    guard let own, own != 0 else { return time.moment(itemTime: item.mtime) }
    return time.moment(itemTime: own)
  }

  /// In hex; nothing for items without a chunk list of their own. Throws what reading content throws.
  func hash(_ name: String, of item: Item) throws -> [UInt8] {
    guard let chunks = item.chunks, let content = sources.content else { return [] }
    guard let digest = StreamingDigest(name: name) else {
      throw FormatString.failure("this system has no hash '\(name)'")
    }
    for chunk in chunks { try content(chunk).withUnsafeBytes { digest.update($0) } }
    return Array(digest.hexDigest().utf8)
  }

  /// A chunk is unique when this item alone makes up all references to it.
  private func sumOfUnique(_ item: Item, _ value: (ChunkListEntry) -> Int64) -> Int64 {
    guard let references = sources.references, let chunks = item.chunks, !chunks.isEmpty else { return 0 }
    var counts: [ChunkID: UInt32] = [:]
    for chunk in chunks { counts[chunk.id, default: 0] += 1 }
    return chunks.reduce(0) { sum, chunk in
      references(chunk.id) == counts[chunk.id] ? sum &+ value(chunk) : sum
    }
  }
}
