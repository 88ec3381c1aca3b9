import BorgFormat

/// All folders that archives have anything in, and which of the searched parts hold what lies directly in each. It is made
/// by a search that finds nothing: as its condition it is asked about every directory of every part.
final class FolderTree: SearchCondition {
  private var part: UInt32 = 0
  /// False: there are folders too deep to be held here, or too many above others, so that a folder's items may be in
  /// any part.
  private(set) var isComplete = true
  /// Of the paths that were asked about, in bytes.
  private var askedLength = 0
  /// The numbers of folders.
  private var paths = ByteTable()
  private var folders: [Folder] = []
  private var holders: [(part: UInt32, previous: UInt32)] = []

  private struct Folder {
    var lastChild = FolderTree.none
    /// The child of the same parent before.
    var previous = FolderTree.none
    var lastHolder = FolderTree.none
  }

  private static let none = UInt32.max
  private static let maximumDepth = 128

  // What folders may take: short streams can name folders far below many others, each of which has its whole path here.
  private static let bytesAtFirst = 64 << 10
  private static let bytesPerAskedByte = 4

  init() { _ = folder(UnsafeRawBufferPointer(start: nil, count: 0)) }

  func enter(part: UInt32) { self.part = part }

  func admits(directory path: UnsafeRawBufferPointer) -> Bool {
    guard path.isEmpty || TreePath.areNames(path) else { return false }
    guard path.lazy.filter({ $0 == TreePath.separator }).count < FolderTree.maximumDepth else {
      isComplete = false
      return false
    }
    askedLength += path.count
    guard let number = folder(path) else {
      isComplete = false
      return false
    }
    let last = folders[number].lastHolder
    if last == FolderTree.none || holders[Int(last)].part != part {
      folders[number].lastHolder = UInt32(holders.count)
      holders.append((part, last))
    }
    return false
  }

  func admits(_ item: SearchedItem) -> Bool { false }
  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool { false }

  /// The parts that hold what lies directly in a folder, in the order in which they were looked through.
  func parts(of folder: [UInt8]) -> [UInt32] {
    guard let number = folder.withUnsafeBytes({ paths.index(of: $0) }) else { return [] }
    var parts: [UInt32] = []
    var next = folders[number].lastHolder
    while next != FolderTree.none {
      parts.append(holders[Int(next)].part)
      next = holders[Int(next)].previous
    }
    return parts.reversed()
  }

  /// The names of the folders in a folder that have anything in them.
  func folders(in folder: [UInt8]) -> [[UInt8]] {
    guard let number = folder.withUnsafeBytes({ paths.index(of: $0) }) else { return [] }
    var names: [[UInt8]] = []
    var next = folders[number].lastChild
    while next != FolderTree.none {
      paths.withBytes(Int(next)) { path in
        names.append(Array(path[(path.lastIndex(of: TreePath.separator).map { $0 + 1 } ?? 0)...]))
      }
      next = folders[Int(next)].previous
    }
    return names
  }

  /// The folder's number, made with all those above it when it is new; nil: the table is full.
  private func folder(_ path: UnsafeRawBufferPointer) -> Int? {
    if let known = paths.index(of: path) { return known }
    guard paths.byteCount <= FolderTree.bytesAtFirst + FolderTree.bytesPerAskedByte * askedLength,
      let entry = paths.insert(path)
    else { return nil }
    folders.append(Folder())
    guard !path.isEmpty else { return entry.index }
    let slash = path.lastIndex(of: TreePath.separator) ?? 0
    guard let parent = folder(UnsafeRawBufferPointer(rebasing: path[..<slash])) else { return nil }
    folders[entry.index].previous = folders[parent].lastChild
    folders[parent].lastChild = UInt32(entry.index)
    return entry.index
  }
}
