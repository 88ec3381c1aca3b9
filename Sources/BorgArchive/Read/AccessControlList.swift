import BorgFormat
import BorgSystem

/// A POSIX ACL between the kernel's form (the value of `system.posix_acl_access` and `_default`) and Borg's text: lines
/// `type:qualifier:permissions`, with a fourth field, the numeric id, where there is a qualifier (archives.md 6.2, 7).
public struct AccessControlList: Equatable, Sendable {
  public enum Tag: UInt16, Sendable {
    case owner = 0x01
    case user = 0x02
    case owningGroup = 0x04
    case group = 0x08
    case mask = 0x10
    case other = 0x20
  }

  public struct Entry: Equatable, Sendable {
    public var tag: Tag
    /// 4 read, 2 write, 1 execute.
    public var permissions: UInt16
    /// Of users and groups; otherwise 0xffffffff.
    public var id: UInt32
  }

  public static let noID: UInt32 = .max

  public var entries: [Entry] = []

  /// The three entries that a plain mode stands for.
  public init(mode: UInt32) {
    for (tag, shift) in [(Tag.owner, 6), (.owningGroup, 3), (.other, 0)] {
      entries.append(Entry(tag: tag, permissions: UInt16(mode >> shift & 7), id: Self.noID))
    }
  }

  /// Nil when `bytes` are no version 2 ACL.
  public init?(kernelForm bytes: [UInt8]) {
    func number(at offset: Int, count: Int) -> UInt32 {
      (0..<count).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }
    guard bytes.count >= 4, (bytes.count - 4).isMultiple(of: 8), number(at: 0, count: 4) == 2 else { return nil }
    for offset in stride(from: 4, to: bytes.count, by: 8) {
      guard let tag = Tag(rawValue: UInt16(number(at: offset, count: 2))) else { return nil }
      let permissions = UInt16(number(at: offset + 2, count: 2)) & 7
      entries.append(Entry(tag: tag, permissions: permissions, id: number(at: offset + 4, count: 4)))
    }
    entries.sort { ($0.tag.rawValue, $0.id) < ($1.tag.rawValue, $1.id) }
  }

  public var kernelForm: [UInt8] {
    var bytes: [UInt8] = [2, 0, 0, 0]
    func append(_ value: UInt32, _ count: Int) {
      for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt32(index)))) }
    }
    for entry in entries {
      append(UInt32(entry.tag.rawValue), 2)
      append(UInt32(entry.permissions), 2)
      append(entry.id, 4)
    }
    return bytes
  }

  /// Whether it says more than a mode does.
  public var isExtended: Bool { entries.count > 3 }
}

extension AccessControlList {
  /// Borg's text. `numericIDs`: the qualifier is the number, too.
  public func text(users: Users, numericIDs: Bool) -> [UInt8] {
    var lines: [UInt8] = []
    for entry in entries {
      if !lines.isEmpty { lines.append(0x0A) }
      lines.append(contentsOf: entry.line(users: users, numericIDs: numericIDs))
    }
    return lines
  }

  /// Parses Borg's text. Names count before numbers unless `numericIDs`. Nil when malformed.
  public init?(text: [UInt8], users: Users, numericIDs: Bool) {
    for line in text.split(separator: 0x0A) {
      let line = line.prefix { $0 != 0x23 }.trimmingSpaces
      if line.isEmpty { continue }
      guard let entry = Entry(line: line, users: users, numericIDs: numericIDs) else { return nil }
      entries.append(entry)
    }
    entries.sort { ($0.tag.rawValue, $0.id) < ($1.tag.rawValue, $1.id) }
  }
}

extension AccessControlList.Entry {
  fileprivate func line(users: Users, numericIDs: Bool) -> [UInt8] {
    var line = Array(tag.name.utf8)
    let number = Array(String(id).utf8)
    var name: [UInt8]?
    if tag == .user { name = users.userName(id).map(quoted) ?? number }
    if tag == .group { name = users.groupName(id).map(quoted) ?? number }
    line.append(0x3A)
    line.append(contentsOf: numericIDs && name != nil ? number : name ?? [])
    line.append(0x3A)
    for (bit, letter) in [(UInt16(4), UInt8(ascii: "r")), (2, UInt8(ascii: "w")), (1, UInt8(ascii: "x"))] {
      line.append(permissions & bit != 0 ? letter : UInt8(ascii: "-"))
    }
    if name != nil {
      line.append(0x3A)
      line.append(contentsOf: number)
    }
    return line
  }

  fileprivate init?(line: ArraySlice<UInt8>, users: Users, numericIDs: Bool) {
    let fields = line.split(separator: 0x3A, omittingEmptySubsequences: false).map(\.trimmingSpaces)
    guard let name = fields.first, fields.count >= 2, let kind = Self.kinds[String(decoding: name, as: UTF8.self)]
    else { return nil }
    let short = fields.count == 2 && (kind == .mask || kind == .other)
    guard fields.count >= 3 || short, let permissions = Self.permissions(short ? fields[1] : fields[2]) else {
      return nil
    }
    let qualifier = short ? [] : Array(fields[1])
    guard !qualifier.isEmpty, kind == .owner || kind == .owningGroup else {
      guard qualifier.isEmpty else { return nil }
      self.init(tag: kind, permissions: permissions, id: AccessControlList.noID)
      return
    }
    let stored = fields.count > 3 ? Array(fields[3]) : qualifier
    let local =
      numericIDs ? nil : kind == .owner ? users.userID(unquoted(qualifier)) : users.groupID(unquoted(qualifier))
    guard let id = local ?? UInt32(String(decoding: stored, as: UTF8.self)) else { return nil }
    self.init(tag: kind == .owner ? .user : .group, permissions: permissions, id: id)
  }

  private static let kinds: [String: AccessControlList.Tag] = [
    "user": .owner, "u": .owner, "group": .owningGroup, "g": .owningGroup, "mask": .mask, "m": .mask,
    "other": .other, "o": .other,
  ]

  private static func permissions(_ text: ArraySlice<UInt8>) -> UInt16? {
    var bits: UInt16 = 0
    for letter in text {
      switch letter {
      case UInt8(ascii: "r"): bits |= 4
      case UInt8(ascii: "w"): bits |= 2
      case UInt8(ascii: "x"): bits |= 1
      case UInt8(ascii: "-"): break
      default: return nil
      }
    }
    return bits
  }
}

extension AccessControlList.Tag {
  fileprivate var name: String {
    switch self {
    case .owner, .user: "user"
    case .owningGroup, .group: "group"
    case .mask: "mask"
    case .other: "other"
    }
  }
}

extension ArraySlice<UInt8> {
  fileprivate var trimmingSpaces: ArraySlice<UInt8> {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
    return drop(while: isSpace).dropLast(while: isSpace)
  }

  private func dropLast(while predicate: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    var end = endIndex
    while end > startIndex, predicate(self[end - 1]) { end -= 1 }
    return self[startIndex..<end]
  }
}

/// As libacl writes names: bytes that would confuse its parser as `\` and three octal digits.
private func quoted(_ name: [UInt8]) -> [UInt8] {
  let special = Array(":, \t\n\r\\".utf8)
  guard name.contains(where: special.contains) else { return name }
  var text: [UInt8] = []
  for byte in name {
    guard special.contains(byte) else {
      text.append(byte)
      continue
    }
    text.append(0x5C)
    for shift: UInt8 in [6, 3, 0] { text.append(0x30 + (byte >> shift & 7)) }
  }
  return text
}

private func unquoted(_ text: [UInt8]) -> [UInt8] {
  var name: [UInt8] = []
  var index = 0
  while index < text.count {
    let digits = text[(index + 1)...].prefix(3).map { Int($0) - 0x30 }
    if text[index] == 0x5C, digits.count == 3, digits.allSatisfy({ 0...7 ~= $0 }), digits[0] < 4 {
      name.append(UInt8(digits[0] << 6 | digits[1] << 3 | digits[2]))
      index += 4
    } else {
      name.append(text[index])
      index += 1
    }
  }
  return name
}
