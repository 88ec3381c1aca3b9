import BorgFormat
import Synchronization

/// A name in a folder, over all archives.
struct PathHistory: Sendable, Equatable {
  /// What is no directory, since the archive that first held it so. `mtime` in nanoseconds since 1970.
  struct Version: Sendable, Equatable {
    var archive: TreeArchive
    var mtime: Int64
  }

  var name: [UInt8]
  /// Whether it was a folder in any of the archives.
  var isFolder: Bool
  var versions: [Version]
}

/// The names that folders had in any of the archives, sorted, with the versions of what is no directory. Those of the
/// folders that were asked for last are kept, of large ones two. Where something could not be read it is tried again after
/// some time. Thread-safe.
final class FolderHistories: Sendable {
  private let store: BlockStore
  private let known = Mutex(Known())
  private let folders = Mutex<Folders?>(nil)

  private struct Known {
    var archives: [TreeArchive] = []
    var histories = Recent<[UInt8], [PathHistory]>()
  }

  /// Where in the archives each folder's items are.
  private struct Folders {
    var archives: [TreeArchive]
    var search: ArchiveSearch
    var tree: FolderTree
    /// Nil: nothing was missing. Else when it is to be looked for again: it may have come back.
    var retry: Int?
  }

  private let secondsToRetry: Int
  // So that a search that takes long does not take all the time.
  private static let partsOfTimeForOthers = 4
  private static let maximumRetries = 120

  init(_ store: BlockStore, secondsToRetry: Int = 5) {
    self.store = store
    self.secondsToRetry = secondsToRetry
  }

  /// `folder` is a stored path, empty for the root. `retry`: when something could not be read, the time from which on it is
  /// to be tried again, in seconds since the machine was started, unless that is earlier already.
  func history(of folder: [UInt8], in archives: [TreeArchive], _ retry: inout Int?) -> [PathHistory] {
    let kept = known.withLock { $0.archives == archives ? $0.histories.value(folder) : nil }
    let (found, time) = kept ?? search(folder, archives)
    if let time { retry = min(time, retry ?? time) }
    if kept == nil {
      known.withLock { known in
        if known.archives != archives { known.histories = Recent() }
        known.archives = archives
        known.histories.keep(found, folder, size: found.reduce(0) { $0 + 1 + $1.versions.count }, until: time)
      }
    }
    return found
  }

  private func search(_ folder: [UInt8], _ archives: [TreeArchive]) -> (value: [PathHistory], expiry: Int?) {
    folders.withLock { folders in
      let isDue = folders?.retry.map { secondsSinceBoot() >= $0 } ?? false
      if folders?.archives != archives || isDue {
        // Two of them at a time would take twice the memory.
        folders = nil
        folders = makeFolders(archives)
      }
      guard let made = folders else { return ([], nil) }
      var isComplete = true
      let found = search(folder, in: made, &isComplete)
      return (found, isComplete ? made.retry : made.retry ?? secondsSinceBoot() + secondsToRetry)
    }
  }

  /// Looks through all that the archives are made of.
  private func makeFolders(_ archives: [TreeArchive]) -> Folders {
    let source = store.source
    let tree = FolderTree()
    let search = ArchiveSearch(in: store, for: tree)
    var isWhole = true
    let start = secondsSinceBoot()
    search.search(archives) {
      isWhole = false
      source.warn("Archive \(displayText($0.name)): \($1)")
    }
    let end = secondsSinceBoot()
    let pause = min(
      max(secondsToRetry, (end - start) * FolderHistories.partsOfTimeForOthers),
      secondsToRetry * FolderHistories.maximumRetries)
    return Folders(archives: archives, search: search, tree: tree, retry: isWhole ? nil : end + pause)
  }

  private func search(_ folder: [UInt8], in folders: Folders, _ isComplete: inout Bool) -> [PathHistory] {
    let (source, archives) = (store.source, folders.archives)
    let condition = FolderCondition(folder, source)
    let isKnown = source.selectsEverything && folders.tree.isComplete
    func noteDamage(_ error: TreeError) {
      isComplete = false
      source.warn("The history is not complete: \(error)")
    }
    folders.search.search(isKnown ? folders.tree.parts(of: folder) : nil, for: condition, damaged: noteDamage)
    var histories: [[UInt8]: PathHistory] = [:]
    for name in condition.folders.union(isKnown ? folders.tree.folders(in: folder) : []) {
      histories[name] = PathHistory(name: name, isFolder: true, versions: [])
    }
    let partsOf = isKnown ? { folders.tree.parts(of: $0) } : nil
    folders.search.forEachFinding(partsOf: partsOf, damaged: noteDamage) { finding in
      let name = condition.name(of: finding.path)
      histories[name, default: PathHistory(name: name, isFolder: false, versions: [])].versions =
        finding.versions.map { PathHistory.Version(archive: archives[$0.archives[0]], mtime: $0.mtime) }
    }
    return histories.values.filter(\.name.isFileName).sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}

/// What lies directly in a folder. Folders in it are noted, whether they are stored themselves or only what is in them.
private final class FolderCondition: SearchCondition {
  private let source: any TreeSource
  private let folder: [UInt8]
  /// The folder's path with a slash behind it, empty for the root.
  private let prefix: [UInt8]
  private(set) var folders: Set<[UInt8]> = []
  /// The folder in it that the items asked for lie below.
  private var between: [UInt8]?

  init(_ folder: [UInt8], _ source: any TreeSource) {
    self.source = source
    self.folder = folder
    prefix = folder.isEmpty ? [] : folder + [TreePath.separator]
  }

  func name(of path: [UInt8]) -> [UInt8] { Array(path.dropFirst(prefix.count)) }

  func admits(directory path: UnsafeRawBufferPointer) -> Bool {
    between = nil
    if path.elementsEqual(folder) { return true }
    guard path.count > prefix.count, path.starts(with: prefix), TreePath.areNames(path) else { return false }
    let name = Array(path[prefix.count...].prefix { $0 != TreePath.separator })
    if folders.contains(name) { return false }
    between = name
    if source.selectsEverything { folders.insert(name) }
    return !source.selectsEverything
  }

  func admits(_ item: SearchedItem) -> Bool { true }

  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool {
    guard source.isSelected(path) else { return false }
    let isDirectory = item.mode & FileType.mask == FileType.directory
    if let name = between ?? (isDirectory ? Array(item.name) : nil) {
      folders.insert(name)
      return false
    }
    return true
  }
}
