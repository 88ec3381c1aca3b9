import BorgFormat

/// --glob-archives/--prefix, --sort-by, --first/--last, --consider-checkpoints.
public struct ArchiveSelection: Sendable {
  public enum SortKey: String, Sendable, CaseIterable { case timestamp, archive, name, id }

  public var glob: [UInt8]?
  public var sortKeys: [SortKey] = [.timestamp]
  public var first: Int?
  public var last: Int?
  public var considersCheckpoints = false

  public init() {}
}

extension Manifest {
  /// Selects and sorts archives (patterns-and-formats.md section 3): glob, checkpoints, sort, then first or last.
  public func select(_ selection: ArchiveSelection) throws -> [Entry] {
    var entries = archives
    if let glob = selection.glob, !glob.isEmpty {
      entries = try entries.filter { try archiveName($0.name, matchesGlob: glob) }
    }
    if !selection.considersCheckpoints {
      entries.removeAll { Manifest.isCheckpoint($0.name) }
    }
    entries = Manifest.sorted(entries, by: selection.sortKeys)
    if let first = selection.first, first > 0 { return Array(entries.prefix(first)) }
    if let last = selection.last, last > 0 { return Array(entries.suffix(last)) }
    return entries
  }

  private static func isCheckpoint(_ name: [UInt8]) -> Bool {
    let word = Array(".checkpoint".utf8)
    guard name.count >= word.count else { return false }
    return (0...name.count - word.count).contains { name[$0..<$0 + word.count].elementsEqual(word) }
  }

  /// Equal entries keep their order.
  private static func sorted(_ entries: [Entry], by keys: [ArchiveSelection.SortKey]) -> [Entry] {
    let order = entries.indices.sorted { a, b in
      for key in keys {
        let (left, right) = (value(key, of: entries[a]), value(key, of: entries[b]))
        if left != right { return left.lexicographicallyPrecedes(right) }
      }
      return a < b
    }
    return order.map { entries[$0] }
  }

  private static func value(_ key: ArchiveSelection.SortKey, of entry: Entry) -> [UInt8] {
    switch key {
    case .timestamp: entry.time
    case .archive, .name: entry.name
    case .id: entry.id.bytes
    }
  }
}
