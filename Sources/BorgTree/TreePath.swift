import BorgFormat

/// Where a stored path leads in a tree, once leading elements are stripped.
enum TreePath {
  /// The tree's root itself: a path of `.`.
  case root
  case entry(directory: UnsafeRawBufferPointer, name: UnsafeRawBufferPointer)
  /// Nowhere: too short, absolute, through `..`, or with a name that no file system can show.
  case nowhere

  private static let maximumLength = 1 << 16

  init(_ path: UnsafeRawBufferPointer, strippedComponents: Int) {
    guard path.count <= TreePath.maximumLength, let rest = TreePath.strip(path, strippedComponents) else {
      self = .nowhere
      return
    }
    if rest.isDot {
      self = .root
      return
    }
    var slash = rest.count - 1
    while slash >= 0, rest[slash] != TreePath.separator { slash -= 1 }
    let name = UnsafeRawBufferPointer(rebasing: rest[(slash + 1)...])
    guard TreePath.isName(name), slash != 0 else {
      self = .nowhere
      return
    }
    self = .entry(directory: UnsafeRawBufferPointer(rebasing: rest[..<max(slash, 0)]), name: name)
  }

  static let separator: UInt8 = 0x2F

  /// Whether a file can be called this.
  static func isName(_ name: UnsafeRawBufferPointer) -> Bool {
    guard !name.isEmpty, name.count <= NodeTable.maximumNameLength, !name.isDot, !name.isDotDot else { return false }
    return !name.contains(0)
  }

  /// Whether all elements are names, and how many there are at most.
  static func areNames(_ path: UnsafeRawBufferPointer, atMost maximumCount: Int = .max) -> Bool {
    var isValid = true
    var count = 0
    forEachElement(path) { element in
      count += 1
      isValid = count <= maximumCount && isName(element)
      return isValid
    }
    return isValid
  }

  /// Calls `body` with each element until it returns false.
  static func forEachElement(_ path: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Bool) {
    var start = 0
    for index in 0...path.count where index == path.count || path[index] == separator {
      guard body(UnsafeRawBufferPointer(rebasing: path[start..<index])) else { return }
      start = index + 1
    }
  }

  /// The path without `count` leading elements; nil when nothing is left.
  static func strip(_ path: UnsafeRawBufferPointer, _ count: Int) -> UnsafeRawBufferPointer? {
    var start = 0
    for _ in 0..<max(0, count) {
      guard let slash = path[start...].firstIndex(of: separator) else { return nil }
      start = slash + 1
    }
    return start < path.count ? UnsafeRawBufferPointer(rebasing: path[start...]) : nil
  }
}

extension [UInt8] {
  /// Whether a directory can hold an entry of this name.
  var isFileName: Bool { !contains(TreePath.separator) && withUnsafeBytes { TreePath.isName($0) } }
}
