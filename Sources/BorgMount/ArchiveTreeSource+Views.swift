import BorgArchive
import BorgFormat
import BorgTree
import Synchronization

/// What the views beside the plain one ask for.
extension ArchiveTreeSource {
  public func host(of archive: TreeArchive) throws(TreeError) -> [UInt8] {
    if let known = hosts.withLock({ $0[archive.id] }) { return known }
    // Opened for this alone: to keep hundreds of archives open would take memory for their lists of chunks.
    let host = try reading { try Archive(entry(of: archive), in: session).metadata.hostname } ?? []
    hosts.withLock { $0[archive.id] = host }
    return host
  }

  public func history(of folder: [UInt8]) throws(TreeError) -> [PathHistory] {
    let archives = try archives()
    let entries = try archives.map { (archive) throws(TreeError) in try entry(of: archive) }
    var names = FolderNames(folder)
    let search = ArchiveSearch(in: session) { [self] item in
      guard !item.isPart, let name = names.directChild(item) else { return false }
      return isSelected(item.path) && !name.isEmpty
    }
    let findings = search.search(entries) { entry, error in
      warn("Archive \(displayText(entry.name)): \(error)")
    }
    var histories = findings.map { finding in
      PathHistory(
        name: Array(finding.path[names.prefixLength...]),
        versions: finding.versions.map {
          PathHistory.Version(archive: archives[$0.archives[0]], mtime: $0.sighting.mtime)
        })
    }
    let files = Set(histories.map(\.name))
    histories += names.folders.subtracting(files).map { PathHistory(name: $0, versions: []) }
    return histories.sorted { $0.name.lexicographicallyPrecedes($1.name) }
  }
}

/// Sorts a folder's items out from all others.
private struct FolderNames {
  /// The folder's path with a slash behind it, empty for the root.
  private let prefix: [UInt8]
  /// Names of folders in it, whether they are stored themselves or only what is in them.
  private(set) var folders: Set<[UInt8]> = []
  private var last: [UInt8] = []

  init(_ folder: [UInt8]) { prefix = folder.isEmpty ? [] : folder + [UInt8(ascii: "/")] }

  var prefixLength: Int { prefix.count }

  /// The name of what lies directly in the folder and is no folder itself.
  mutating func directChild(_ item: borrowing ItemSummary) -> UnsafeRawBufferPointer? {
    let path = item.path
    guard path.count > prefix.count, path.starts(with: prefix) else { return nil }
    let rest = UnsafeRawBufferPointer(rebasing: path[prefix.count...])
    let end = rest.firstIndex(of: UInt8(ascii: "/"))
    let isFolder = item.mode & FileType.mask == FileType.directory
    guard end != nil || isFolder else { return rest }
    let name = UnsafeRawBufferPointer(rebasing: rest[..<(end ?? rest.count)])
    if !last.elementsEqual(name) {
      last = Array(name)
      folders.insert(last)
    }
    return nil
  }
}
