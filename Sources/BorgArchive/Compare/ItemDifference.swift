import BorgFormat

/// One path at which two archives differ. Later names of hard links stand for what their first name holds.
public struct ItemDifference: Sendable {
  public let path: [UInt8]
  /// Nil: there is nothing at the path in the first archive.
  public let old: Item?
  /// Nil: there is nothing at the path in the second archive.
  public let new: Item?
  let chunkIDsAreComparable: Bool
  let contentOnly: Bool
  /// Whether owners are compared by their ids.
  public let numericIDs: Bool

  /// One way in which both items differ, with Borg's names.
  public enum Change: Sendable, Equatable {
    public enum Presence: String, Sendable { case added, removed }

    case content(Presence, size: Int64)
    /// Sizes are nil where chunk ids say nothing.
    case modified(added: Int64?, removed: Int64?)
    /// `directory`, `link`, `fifo`, `chrdev`, `blkdev`.
    case kind(Presence, String)
    case link
    case owner
    case mode
    case ctime(Int64, Int64)
    case mtime(Int64, Int64)
  }

  /// In the order in which Borg shows them. What was touched and is the same again is left out.
  public var changes: [Change] {
    var changes: [Change] = []
    if hasType(FileType.symbolicLink), let change = linkChange { changes.append(change) }
    if let change = contentChange { changes.append(change) }
    for (type, name) in ItemDifference.kinds where hasType(type) {
      if let presence { changes.append(.kind(presence, name)) }
    }
    if !contentOnly, let old, let new { appendMetadataChanges(old, new, to: &changes) }
    return changes
  }

  private static let kinds: [(UInt32, String)] = [
    (FileType.directory, "directory"), (FileType.blockDevice, "blkdev"), (FileType.characterDevice, "chrdev"),
    (FileType.fifo, "fifo"),
  ]

  private func hasType(_ type: UInt32) -> Bool { old?.type == type || new?.type == type }

  private var presence: Change.Presence? {
    switch (old == nil, new == nil) {
    case (true, false): .added
    case (false, true): .removed
    default: nil
    }
  }

  private var linkChange: Change? {
    if let presence { return .kind(presence, "link") }
    guard let from = old?.source, let to = new?.source, from != to else { return nil }
    return .link
  }

  private var contentChange: Change? {
    switch (old, new) {
    case (nil, let new?): return new.chunks == nil ? nil : .content(.added, size: new.contentSize)
    case (let old?, nil): return old.chunks == nil ? nil : .content(.removed, size: old.contentSize)
    case (let old?, let new?):
      guard let before = old.chunks, let after = new.chunks else { return nil }
      return chunkIDsAreComparable ? modification(before, after) : .modified(added: nil, removed: nil)
    case (nil, nil): return nil
    }
  }

  private func modification(_ before: [ChunkListEntry], _ after: [ChunkListEntry]) -> Change? {
    if before == after { return nil }
    let (old, new) = (Set(before.map(\.id)), Set(after.map(\.id)))
    let added = after.reduce(Int64(0)) { old.contains($1.id) ? $0 : $0 + Int64($1.size) }
    let removed = before.reduce(Int64(0)) { new.contains($1.id) ? $0 : $0 + Int64($1.size) }
    return added == 0 && removed == 0 ? nil : .modified(added: added, removed: removed)
  }

  private func appendMetadataChanges(_ old: Item, _ new: Item, to changes: inout [Change]) {
    if !hasEqualOwner(old, new) { changes.append(.owner) }
    if old.mode != new.mode { changes.append(.mode) }
    if let from = old.ctime, let to = new.ctime, from != to { changes.append(.ctime(from, to)) }
    if old.mtime != new.mtime { changes.append(.mtime(old.mtime, new.mtime)) }
  }

  private func hasEqualOwner(_ old: Item, _ new: Item) -> Bool {
    numericIDs ? old.uid == new.uid && old.gid == new.gid : old.user == new.user && old.group == new.group
  }

  /// Whether all but the contents is the same; xattrs, ACLs, flags, device numbers and atime do not count.
  var hasEqualMetadata: Bool {
    guard let old, let new else { return old == nil && new == nil }
    if !contentOnly {
      guard old.mode == new.mode, old.ctime == new.ctime, old.mtime == new.mtime, hasEqualOwner(old, new) else {
        return false
      }
    }
    return old.source == new.source
  }
}

extension Item {
  /// The size of the content in bytes: as stored, or the sum of the chunks.
  public var contentSize: Int64 { size ?? chunks?.reduce(0) { $0 &+ Int64($1.size) } ?? 0 }
}
