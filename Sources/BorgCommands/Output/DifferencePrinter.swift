import BorgArchive
import BorgFormat

/// Prints differences: a line of text or of JSON each (cli.md 8.12, json.md 2.2).
struct DifferencePrinter {
  private static let batchSize = 32 << 10

  private let console: Console
  private let json: Bool
  private var time = LocalTime()
  private var pending: [UInt8] = []

  init(console: Console, json: Bool) {
    self.console = console
    self.json = json
  }

  mutating func print(_ difference: ItemDifference) {
    if json { appendJSON(difference) } else { appendText(difference) }
    pending.append(UInt8(ascii: "\n"))
    if pending.count >= Self.batchSize { finish() }
  }

  mutating func finish() {
    console.write(pending)
    pending.removeAll(keepingCapacity: true)
  }

  // MARK: Text

  private mutating func appendText(_ difference: ItemDifference) {
    let changes = difference.changes.map { text($0, of: difference) }.joined(separator: " ")
    pending += Array(padded(changes, 19).utf8)
    pending.append(UInt8(ascii: " "))
    pending += Array(displayText(difference.path).utf8)
  }

  private mutating func text(_ change: ItemDifference.Change, of difference: ItemDifference) -> String {
    switch change {
    case .content(.added, let size): return "added " + aligned(HumanSize.text(size, iec: false), 13)
    case .content(.removed, let size): return "removed " + aligned(HumanSize.text(size, iec: false), 11)
    case .modified(let added?, let removed?): return "\(signed(added)) \(signed(-removed))"
    case .modified: return "modified"
    case .kind(let presence, let kind): return "\(presence.rawValue) \(kind)"
    case .link: return "changed link"
    case .owner:
      let owners = Owners(difference)
      return "[\(owners.old.text) -> \(owners.new.text)]"
    case .mode: return "[\(mode(difference.old)) -> \(mode(difference.new))]"
    case .ctime(let from, let to): return "[ctime: \(moment(from)) -> \(moment(to))]"
    case .mtime(let from, let to): return "[mtime: \(moment(from)) -> \(moment(to))]"
    }
  }

  private func signed(_ size: Int64) -> String {
    aligned((size > 0 ? "+" : "") + HumanSize.text(size, iec: false, decimals: 1), 9)
  }

  private func aligned(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.utf8.count)) + text
  }

  /// Like `-rw-r--r--`. An item that stands here is never a later name of a hard link.
  private func mode(_ item: Item?) -> String {
    guard var item else { return "" }
    var text: [UInt8] = []
    item.source = nil
    item.appendMode(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func moment(_ nanoseconds: Int64) -> String {
    var text: [UInt8] = []
    time.append(time.moment(itemTime: nanoseconds), to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  // MARK: JSON

  private mutating func appendJSON(_ difference: ItemDifference) {
    let changes = difference.changes.map { JSONValue.object(json($0, of: difference)) }
    let line: JSONDocument.Object = [
      ("changes", .array(changes)), ("path", .string(displayText(difference.path))),
    ]
    pending += Array(JSONValue.object(line).text(sortedKeys: true).utf8)
  }

  private mutating func json(
    _ change: ItemDifference.Change, of difference: ItemDifference
  ) -> JSONDocument.Object {
    switch change {
    case .content(let presence, let size): return [("type", .string(presence.rawValue)), ("size", .int(size))]
    case .modified(let added?, let removed?):
      return [("type", .string("modified")), ("added", .int(added)), ("removed", .int(removed))]
    case .modified: return [("type", .string("modified"))]
    case .kind(let presence, let kind): return [("type", .string("\(presence.rawValue) \(kind)"))]
    case .link: return [("type", .string("changed link"))]
    case .owner:
      let owners = Owners(difference)
      return [
        ("type", .string("owner")), ("old_user", owners.old.user), ("old_group", owners.old.group),
        ("new_user", owners.new.user), ("new_group", owners.new.group),
      ]
    case .mode:
      return [
        ("type", .string("mode")), ("old_mode", .string(mode(difference.old))),
        ("new_mode", .string(mode(difference.new))),
      ]
    case .ctime(let from, let to):
      return [("type", .string("ctime")), ("old_ctime", isoMoment(from)), ("new_ctime", isoMoment(to))]
    case .mtime(let from, let to):
      return [("type", .string("mtime")), ("old_mtime", isoMoment(from)), ("new_mtime", isoMoment(to))]
    }
  }

  private mutating func isoMoment(_ nanoseconds: Int64) -> JSONValue {
    var text: [UInt8] = []
    LocalTime.append(iso: time.moment(itemTime: nanoseconds), to: &text)
    return .string(String(decoding: text, as: UTF8.self))
  }
}

/// Who owned an item and who owns it now; a missing name is Python's None.
private struct Owners {
  struct Owner {
    let user: JSONValue
    let group: JSONValue

    init(_ item: Item?, numeric: Bool) {
      guard let item, !numeric else {
        user = .int(item?.uid ?? 0)
        group = .int(item?.gid ?? 0)
        return
      }
      user = item.user.map { .string(displayText($0)) } ?? .null
      group = item.group.map { .string(displayText($0)) } ?? .null
    }

    var text: String { "\(Owner.text(user)):\(Owner.text(group))" }

    private static func text(_ value: JSONValue) -> String {
      switch value {
      case .string(let text): text
      case .int(let number): "\(number)"
      default: "None"
      }
    }
  }

  let old: Owner
  let new: Owner

  init(_ difference: ItemDifference) {
    old = Owner(difference.old, numeric: difference.numericIDs)
    new = Owner(difference.new, numeric: difference.numericIDs)
  }
}
