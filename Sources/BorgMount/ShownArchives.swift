import BorgArchive
import BorgFormat
import BorgSystem
import BorgTree

/// The archives that are shown, as trees name them and as the manifest has them.
struct ShownArchives: Sendable {
  let archives: [TreeArchive]
  private let entries: [TreeArchive: Manifest.Entry]

  init(_ entries: [Manifest.Entry]) {
    archives = entries.map { entry in
      let start = Timestamp.parseUTC(String(decoding: entry.time, as: UTF8.self)) ?? 0
      return TreeArchive(name: entry.name, id: entry.id, start: start)
    }
    self.entries = Dictionary(zip(archives, entries)) { first, _ in first }
  }

  func entry(of archive: TreeArchive) -> Manifest.Entry? { entries[archive] }
}

/// Archives that were opened lately. They hold all of their metadata, among it the ids of their streams' chunks, of which
/// there may be millions in all.
struct OpenedArchives: Sendable {
  private var archives: [TreeArchive: Archive] = [:]
  /// Of their metadata.
  private var byteCount = 0
  private let maximumBytes: Int

  init(maximumBytes: Int = 32 << 20) { self.maximumBytes = maximumBytes }

  var count: Int { archives.count }

  subscript(archive: TreeArchive) -> Archive? { archives[archive] }

  mutating func keep(_ opened: Archive, as archive: TreeArchive) {
    if byteCount + opened.metadataSize > maximumBytes { keepOnly { _ in false } }
    archives[archive] = opened
    byteCount += opened.metadataSize
  }

  mutating func keepOnly(_ isKept: (TreeArchive) -> Bool) {
    archives = archives.filter { isKept($0.key) }
    byteCount = archives.values.reduce(0) { $0 + $1.metadataSize }
  }
}
