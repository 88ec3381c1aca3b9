import BorgFormat
import BorgTesting
import BorgTree

typealias File = MemoryTreeSource.File

extension TreeOptions {
  /// Mounted by user 7, group 8, at second 99.
  static var test: TreeOptions { TreeOptions(uid: 7, gid: 8, mountTime: 99_000_000_000) }

  func with(_ change: (inout TreeOptions) -> Void) -> TreeOptions {
    var copy = self
    change(&copy)
    return copy
  }
}

extension ArchiveTree {
  /// The tree of one archive of these files.
  static func of(
    _ files: [File], options: TreeOptions = .test, source: MemoryTreeSource? = nil
  ) throws -> ArchiveTree {
    let source = source ?? MemoryTreeSource([("a", files)])
    return try ArchiveTree(of: try source.archives()[0], from: source, options: options)
  }
}

extension FileTree {
  /// Attributes by path, walked from the root.
  func at(_ path: String) throws -> Attributes {
    var attributes = try attributes(of: 1)
    for element in path.split(separator: "/") {
      attributes = try Array(element.utf8).withUnsafeBytes { try lookup($0, in: attributes.inode) }
    }
    return attributes
  }

  /// The names in a directory, in order, `step` at a time.
  func names(_ path: String, step: Int = .max) throws -> [String] {
    let directory = try at(path).inode
    var names: [String] = []
    var position: UInt64 = 0
    var isAtEnd = false
    while !isAtEnd {
      var left = step
      isAtEnd = true
      try forEachEntry(of: directory, after: position) { entry in
        guard left > 0 else {
          isAtEnd = false
          return false
        }
        left -= 1
        names.append(String(decoding: entry.name, as: UTF8.self))
        position = entry.position
        return true
      }
    }
    return names
  }

  /// Every path in the tree with what it is.
  func everything(_ path: String = "") throws -> [String] {
    var lines: [String] = []
    for name in try names(path).dropFirst(2) {
      let full = path.isEmpty ? name : "\(path)/\(name)"
      lines.append(full)
      if try at(full).mode & FileType.mask == FileType.directory { lines += try everything(full) }
    }
    return lines
  }

  func text(_ path: String) throws -> String {
    let content = try open(try at(path).inode)
    return String(decoding: try content.bytes(at: 0, count: 1000).joined(), as: UTF8.self)
  }
}
