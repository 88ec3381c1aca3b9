import BorgFormat

/// Owners as numbers: archives have few, and each stored name is resolved once (fuse.md 6.2).
struct OwnerTable: Sendable {
  private(set) var owners: [(uid: UInt32, gid: UInt32)] = []
  private var users = ResolvedNames()
  private var groups = ResolvedNames()
  private var numbers: [UInt64: UInt32] = [:]
  private var last: (pair: UInt64, number: UInt32)?

  var byteCount: Int { owners.count * 8 }

  mutating func number(uid: UInt32, gid: UInt32) throws(TreeError) -> UInt32 {
    let pair = UInt64(uid) << 32 | UInt64(gid)
    if let last, last.pair == pair { return last.number }
    var number = numbers[pair]
    if number == nil {
      guard let new = UInt32(exactly: owners.count) else { throw .ioFailed("too many owners in one archive") }
      owners.append((uid, gid))
      numbers[pair] = new
      number = new
    }
    last = (pair, number ?? 0)
    return number ?? 0
  }

  mutating func number(
    of item: borrowing ItemSummary, source: any TreeSource, options: TreeOptions
  ) throws(TreeError) -> UInt32 {
    let uid =
      if let forced = options.forcedUID { forced } else {
        try users.resolve(item.uid, item.user, fallback: options.uid, source.userID)
      }
    let gid =
      if let forced = options.forcedGID { forced } else {
        try groups.resolve(item.gid, item.group, fallback: options.gid, source.groupID)
      }
    return try number(uid: uid, gid: gid)
  }
}

/// Stored pairs of id and name with the local id they stand for.
private struct ResolvedNames: Sendable {
  private var keys = ByteTable()
  private var ids: [UInt32] = []
  private var key: [UInt8] = []
  private var lastID: UInt32 = 0

  /// The name's local id, else the stored id, else (an id that no user can have) `fallback`.
  mutating func resolve(
    _ id: Int64, _ name: UnsafeRawBufferPointer, fallback: UInt32, _ lookup: (UnsafeRawBufferPointer) -> UInt32?
  ) throws(TreeError) -> UInt32 {
    if isLast(id, name) { return lastID }
    key.removeAll(keepingCapacity: true)
    withUnsafeBytes(of: id) { key.append(contentsOf: $0) }
    key.append(contentsOf: name)
    guard let found = key.withUnsafeBytes({ keys.insert($0) }) else { throw .ioFailed("too many owners") }
    if found.isNew { ids.append((name.isEmpty ? nil : lookup(name)) ?? UInt32(exactly: id) ?? fallback) }
    lastID = ids[found.index]
    return lastID
  }

  private func isLast(_ id: Int64, _ name: UnsafeRawBufferPointer) -> Bool {
    guard key.count == 8 + name.count else { return false }
    return key.withUnsafeBytes {
      $0.loadUnaligned(as: Int64.self) == id && equal(UnsafeRawBufferPointer(rebasing: $0[8...]), name)
    }
  }
}
