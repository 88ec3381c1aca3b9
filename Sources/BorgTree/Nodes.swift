import BorgFormat

/// What the tree of an archive is made of: names in directories and the objects they stand for, by number. The root is
/// number 0. Thread-safe.
protocol Nodes: Sendable {
  /// Throws `.noSuchEntry` for a number that was never given out.
  func description(of node: UInt32) throws(TreeError) -> NodeDescription
  /// The same, nil where the number is that of a later name of another object, or of none.
  func ownDescription(of node: UInt32) throws(TreeError) -> NodeDescription?
  /// The object of this name in a directory.
  func find(_ name: UnsafeRawBufferPointer, in directory: UInt32) throws(TreeError) -> UInt32?
  func parent(of directory: UInt32) throws(TreeError) -> UInt32
  /// Calls `body` with the names of a directory that come after the one numbered `position`, nil: all, until it returns
  /// false.
  func forEachName(
    in directory: UInt32, after position: UInt32?, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError)
  var count: Int { get }
  /// The memory held for this archive alone.
  var byteCount: Int { get }
  var hasDamagedFiles: Bool { get }
  /// At least those of all objects together.
  var attributeKinds: AttributeKinds { get }
}

/// One name in a directory, and the object it stands for.
struct NodeName {
  var name: UnsafeRawBufferPointer
  /// The name's own number.
  var position: UInt32
  var object: UInt32
  var description: NodeDescription
}

/// An object as it is stored, its owner resolved.
struct NodeDescription {
  var mode: UInt32
  var uid: UInt32
  var gid: UInt32
  var mtime: Int64
  var ctime: Int64
  var atime: Int64
  /// A device's number for a device.
  var size: Int64 = 0
  /// Of `size`: in holes.
  var holeBytes: Int64 = 0
  var linkCount: UInt32 = 1
  var hasXattrs = false
  var isDamaged = false
  /// Where its item is; nil: no item describes it.
  var location: ItemLocation?
  /// The archive it comes from, of those that were merged.
  var archive = 0

  var isDirectory: Bool { mode & FileType.mask == FileType.directory }
  var isDevice: Bool {
    let type = mode & FileType.mask
    return type == FileType.blockDevice || type == FileType.characterDevice
  }
}

extension NodeTable: Nodes {
  func description(of number: UInt32) throws(TreeError) -> NodeDescription {
    guard Int(number) < count else { throw .noSuchEntry }
    return describe(number)
  }

  func ownDescription(of number: UInt32) -> NodeDescription? {
    Int(number) < count && object(number) == number ? describe(number) : nil
  }

  func find(_ name: UnsafeRawBufferPointer, in directory: UInt32) throws(TreeError) -> UInt32? {
    findName(name, in: directory).map { object($0) }
  }

  func parent(of directory: UInt32) throws(TreeError) -> UInt32 { nodes[Int(directory)].parent }

  func forEachName(
    in directory: UInt32, after position: UInt32?, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError) {
    var next = nodes[Int(directory)].firstChild
    if let position {
      guard Int(position) < count, nodes[Int(position)].parent == directory else { throw .noSuchEntry }
      next = nodes[Int(position)].nextSibling
    }
    while next != Node.none {
      let object = object(next)
      let goesOn = withName(next) {
        body(NodeName(name: $0, position: next, object: object, description: describe(object)))
      }
      guard goesOn else { return }
      next = nodes[Int(next)].nextSibling
    }
  }

  private func describe(_ number: UInt32) -> NodeDescription {
    let node = nodes[Int(number)]
    let owner = owners.owners[Int(node.owner)]
    var result = NodeDescription(
      mode: UInt32(node.mode), uid: owner.uid, gid: owner.gid, mtime: node.mtime, ctime: node.mtime, atime: node.mtime)
    if !node.flags.contains(.isSynthetic) {
      result.ctime = ctime(number)
      result.atime = atime(number)
      result.location = node.location
    }
    result.archive = archive(number)
    result.hasXattrs = node.flags.contains(.hasXattrs)
    result.isDamaged = node.flags.contains(.isDamaged)
    if !node.isDirectory {
      result.size = node.size
      result.holeBytes = holeBytes(number)
      result.linkCount = max(1, node.lastChild)
    }
    return result
  }
}
