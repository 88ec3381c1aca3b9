import BorgArchive
import BorgFormat

/// The order in which `diff --sort-by` shows differences.
struct DifferenceOrder {
  enum Field: String, Sendable, CaseIterable {
    case path, size, user, group, uid, gid, ctime, mtime
    case sizeAdded = "size_added"
    case sizeRemoved = "size_removed"
    case sizeDifference = "size_diff"
    case ctimeDifference = "ctime_diff"
    case mtimeDifference = "mtime_diff"
  }

  struct Key: Sendable {
    var field: Field
    var isDescending = false
  }

  private let keys: [Key]

  init(_ keys: [Key]) {
    self.keys = keys
  }

  /// Throws `ArgumentRefusal` with Borg's words.
  static func keys(parsing text: String) throws -> [Key] {
    let words = text.split(separator: ",").map { String($0).trimmingSpaces() }.filter { !$0.isEmpty }
    guard !words.isEmpty else { throw ArgumentRefusal(reason: "unsupported sort field: empty spec") }
    return try words.map { word in
      let hasDirection = word.hasPrefix(">") || word.hasPrefix("<")
      let name = hasDirection ? String(word.dropFirst()) : String(word)
      guard let field = Field(rawValue: name) else {
        let known = Field.allCases.map(\.rawValue)
        throw ArgumentRefusal(reason: "unsupported sort field: \(name)" + suggestion(for: name, in: known))
      }
      return Key(field: field, isDescending: word.hasPrefix(">"))
    }
  }

  /// The first key counts most; what no key tells apart stays in its order.
  func sorted(_ differences: [ItemDifference]) -> [ItemDifference] {
    let rows = differences.map { difference in keys.map { DifferenceOrder.value($0.field, of: difference) } }
    let order = differences.indices.sorted { a, b in
      for (index, key) in keys.enumerated() where rows[a][index] != rows[b][index] {
        return (rows[a][index] < rows[b][index]) != key.isDescending
      }
      return a < b
    }
    return order.map { differences[$0] }
  }

  private enum Value: Comparable {
    case number(Int64)
    case text([UInt8])

    static func < (a: Value, b: Value) -> Bool {
      switch (a, b) {
      case (.number(let a), .number(let b)): a < b
      case (.text(let a), .text(let b)): a.lexicographicallyPrecedes(b)
      case (.number, .text): true
      case (.text, .number): false
      }
    }
  }

  /// What is gone counts as nothing, as in Borg: no owner, no size, time 0.
  private static func value(_ field: Field, of difference: ItemDifference) -> Value {
    let (old, new) = (difference.old, difference.new)
    return switch field {
    case .path: .text(Array(displayText(difference.path).utf8))
    case .user: .text(new?.user ?? [])
    case .group: .text(new?.group ?? [])
    case .size: .number(new?.listedSize ?? 0)
    case .uid: .number(new?.uid ?? -1)
    case .gid: .number(new?.gid ?? -1)
    case .ctime: .number(new?.ctime ?? 0)
    case .mtime: .number(new?.mtime ?? 0)
    case .ctimeDifference: .number((new?.ctime ?? 0) &- (old?.ctime ?? 0))
    case .mtimeDifference: .number((new?.mtime ?? 0) &- (old?.mtime ?? 0))
    case .sizeAdded: .number(sizes(difference).added)
    case .sizeRemoved: .number(sizes(difference).removed)
    case .sizeDifference: .number(sizes(difference).added &- sizes(difference).removed)
    }
  }

  private static func sizes(_ difference: ItemDifference) -> (added: Int64, removed: Int64) {
    for change in difference.changes {
      switch change {
      case .content(.added, let size): return (size, 0)
      case .content(.removed, let size): return (0, size)
      case .modified(let added, let removed): return (added ?? 0, removed ?? 0)
      default: continue
      }
    }
    return (0, 0)
  }
}
