import BorgFormat
import Glibc

/// One object of an archive and, with it, one name in a directory: 64 bytes, one cache line.
///
/// A node is both: the *name* (`parent`, `nextSibling`, `name…`) and the *object* it usually stands for (all else).
/// They part where a name stands for another node's object, as the later names of a hard link do, and names whose
/// object was replaced by a later item while other names still hold it: `aliases` is set then and `firstChild` holds
/// the object's node. Objects without a name of their own have the parent but hang in no directory.
struct Node: Sendable {
  var mtime: Int64
  /// A device's number for a device.
  var size: Int64 = 0
  var location: ItemLocation
  var nameStart: UInt32
  var parent: UInt32
  /// The next name in the same directory; `Node.none` after the last.
  var nextSibling: UInt32 = Node.none
  /// Of a directory: the first name in it. Of a name that `aliases`: the object's node.
  var firstChild: UInt32 = Node.none
  /// Of a directory: the last name in it. Of anything else: how many names it has.
  var lastChild: UInt32 = Node.none
  var owner: UInt32
  var nameHash: UInt32
  var nameLength: UInt16
  var mode: UInt16
  var flags: NodeFlags = []

  static let none = UInt32.max

  var isDirectory: Bool { UInt32(mode) & FileType.mask == FileType.directory }
  var isDevice: Bool {
    let type = UInt32(mode) & FileType.mask
    return type == FileType.blockDevice || type == FileType.characterDevice
  }
}

struct NodeFlags: OptionSet, Sendable {
  let rawValue: UInt8
  static let aliases = NodeFlags(rawValue: 1)
  static let hasXattrs = NodeFlags(rawValue: 2)
  /// The item has a list of healthy chunks beside the zero-filled one.
  static let isDamaged = NodeFlags(rawValue: 4)
  /// A directory that no item describes (yet).
  static let isSynthetic = NodeFlags(rawValue: 8)
}

func equal(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
  guard a.count == b.count else { return false }
  guard let a = a.baseAddress, let first = b.baseAddress else { return true }
  return memcmp(a, first, b.count) == 0
}
