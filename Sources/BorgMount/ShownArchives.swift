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

/// Archives that were opened lately. They hold the ids of their streams' chunks, of which there may be millions in all.
struct OpenedArchives: Sendable {
  private var archives: [TreeArchive: Archive] = [:]
  private var chunkCount = 0
  private let maximumChunkCount: Int

  init(maximumChunkCount: Int = 1 << 20) { self.maximumChunkCount = maximumChunkCount }

  var count: Int { archives.count }

  subscript(archive: TreeArchive) -> Archive? { archives[archive] }

  mutating func keep(_ opened: Archive, as archive: TreeArchive) {
    if chunkCount + opened.metadata.items.count > maximumChunkCount { keepOnly { _ in false } }
    archives[archive] = opened
    chunkCount += opened.metadata.items.count
  }

  mutating func keepOnly(_ isKept: (TreeArchive) -> Bool) {
    archives = archives.filter { isKept($0.key) }
    chunkCount = archives.values.reduce(0) { $0 + $1.metadata.items.count }
  }
}
