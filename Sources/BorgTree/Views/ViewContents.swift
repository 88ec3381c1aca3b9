import BorgFormat
import Glibc
import Synchronization

/// What there is in the views, made up from the archives that there are. Thread-safe.
final class ViewContents: Sendable {
  typealias Entry = (name: [UInt8], view: View)

  private let source: any TreeSource
  private let histories: FolderHistories
  private let listings = Mutex(Listings())

  init(_ store: BlockStore) {
    source = store.source
    histories = FolderHistories(store)
  }

  /// The views in one that is no link, in order.
  func entries(of view: View) throws(TreeError) -> [Entry] { try listing(of: view).entries }

  func entry(_ name: UnsafeRawBufferPointer, in view: View) throws(TreeError) -> View? {
    let listing = try listing(of: view)
    return listing.places[Array(name)].map { listing.entries[$0].view }
  }

  private func listing(of view: View) throws(TreeError) -> Listing {
    let archives = try source.archives()
    if let known = listings.withLock({ $0.known(view, archives) }) { return known }
    var retry: Int?
    let listing = Listing(try makeEntries(of: view, archives, &retry))
    listings.withLock { $0.keep(listing, view, archives, until: retry) }
    return listing
  }

  /// `retry`: when something could not be read, the time from which on it is to be tried again, in seconds since the
  /// machine was started.
  private func makeEntries(
    of view: View, _ all: [TreeArchive], _ retry: inout Int?
  ) throws(TreeError) -> [Entry] {
    let archives = all.filter(\.name.isFileName)
    switch view {
    case .link: throw .notADirectory
    case .top:
      let newest = archives.max { $0.start < $1.start }
      let latest = newest.map { (name: Array("latest".utf8), view: View.link(to: $0, up: 1)) }
      let folders: [Entry] = [
        (Array("by-date".utf8), .byDate), (Array("by-host".utf8), .byHost), (Array("history".utf8), .history([])),
      ]
      return (latest.map { [$0] } ?? []) + folders
    case .byDate: return ViewContents.dated(archives)
    case .byHost:
      let hosts = Set(archives.map { host($0, &retry) })
      return hosts.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0, .host($0)) }
    case .host(let host): return links(archives.filter { self.host($0, &retry) == host })
    case .history(let path): return history(of: path, all, &retry)
    }
  }

  private func host(_ archive: TreeArchive, _ retry: inout Int?) -> [UInt8] {
    let name = try? source.host(of: archive)
    // An archive that cannot be read is nobody's.
    if name == nil { retry = min(retry ?? .max, secondsSinceBoot() + Deferred<ArchiveTree>.usualSecondsToRetry) }
    return name.flatMap { $0.isFileName ? $0 : nil } ?? Array("unknown".utf8)
  }

  /// One host's archives by name.
  private func links(_ archives: [TreeArchive]) -> [Entry] {
    guard let newest = archives.max(by: { $0.start < $1.start }) else { return [] }
    let links: [Entry] = archives.map { ($0.name, .link(to: $0, up: 3)) }
    let latest: Entry = (Array("latest".utf8), .link(to: newest, up: 3))
    return links.contains { $0.name == latest.name } ? links : [latest] + links
  }

  /// Links by time; of two archives of one second the later one's is told apart by its name.
  private static func dated(_ archives: [TreeArchive]) -> [Entry] {
    var labels = Labels()
    return archives.map { archive in
      let time = localText(archive.start)
      let label = labels.contains(time) ? time + [0x20] + archive.name : time
      return (labels.distinct(label), View.link(to: archive, up: 2))
    }
  }

  private func history(of path: [[UInt8]], _ archives: [TreeArchive], _ retry: inout Int?) -> [Entry] {
    guard let name = path.last else { return folders(in: path, archives, &retry) }
    guard let own = names(in: path.dropLast(), archives, &retry).first(where: { $0.name == name }) else { return [] }
    let children = own.isFolder ? folders(in: path, archives, &retry) : []
    var labels = Labels(children.map(\.name))
    let inside = Array(path.joined(separator: [TreePath.separator]))
    let versions = own.versions.filter(\.archive.name.isFileName).map { version in
      let label = localText(version.archive.start) + [0x20] + version.archive.name
      let link = View.link(to: version.archive, path: inside, up: path.count + 2, time: version.mtime)
      return Entry(name: labels.distinct(label), view: link)
    }
    return versions + children
  }

  /// What is in a folder's history: a folder for each name.
  private func folders(in path: [[UInt8]], _ archives: [TreeArchive], _ retry: inout Int?) -> [Entry] {
    names(in: path, archives, &retry).map { ($0.name, .history(path + [$0.name])) }
  }

  private func names(in folder: [[UInt8]], _ archives: [TreeArchive], _ retry: inout Int?) -> [PathHistory] {
    histories.history(of: Array(folder.joined(separator: [TreePath.separator])), in: archives, &retry)
  }
}

/// One view's entries, in order and by name.
private struct Listing: Sendable {
  var entries: [ViewContents.Entry]
  var places: [[UInt8]: Int] = [:]

  init(_ entries: [ViewContents.Entry]) {
    self.entries = entries
    for (place, entry) in entries.enumerated() { places[entry.name] = place }
  }
}

/// What is in the views that were looked at last.
private struct Listings: Sendable {
  private var archives: [TreeArchive] = []
  private var listings = Recent<View, Listing>()

  mutating func known(_ view: View, _ archives: [TreeArchive]) -> Listing? {
    archives == self.archives ? listings.value(view)?.value : nil
  }

  mutating func keep(_ listing: Listing, _ view: View, _ archives: [TreeArchive], until expiry: Int?) {
    if archives != self.archives { listings = Recent() }
    self.archives = archives
    listings.keep(listing, view, size: listing.entries.count, until: expiry)
  }
}

/// Names that are made up: no longer than names may be, and each there once only.
private struct Labels {
  private var taken: Set<[UInt8]>
  /// The last number behind each name that was there more than once.
  private var numbers: [[UInt8]: Int] = [:]

  private static let roomForNumber = 12

  init(_ taken: [[UInt8]] = []) { self.taken = Set(taken) }

  func contains(_ label: [UInt8]) -> Bool { taken.contains(label) }

  /// The label, cut where it is too long, with a number behind it when there is one like it.
  mutating func distinct(_ label: [UInt8]) -> [UInt8] {
    let plain = Labels.cut(label, NodeTable.maximumNameLength)
    if taken.insert(plain).inserted { return plain }
    let stem = Labels.cut(plain, NodeTable.maximumNameLength - Labels.roomForNumber)
    var number = numbers[stem] ?? 1
    var name: [UInt8]
    repeat {
      number += 1
      name = stem + Array(" (\(number))".utf8)
    } while !taken.insert(name).inserted
    numbers[stem] = number
    return name
  }

  /// As many bytes at most, no character in half.
  private static func cut(_ label: [UInt8], _ count: Int) -> [UInt8] {
    guard label.count > count else { return label }
    var end = count
    while end > 0, label[end] & 0xC0 == 0x80 { end -= 1 }
    return Array(label[..<end])
  }
}

/// `2024-05-01T03:00:00` by the local clock.
private func localText(_ nanoseconds: Int64) -> [UInt8] {
  var seconds = time_t(nanoseconds / 1_000_000_000)
  var parts = tm()
  localtime_r(&seconds, &parts)
  var text = [CChar](repeating: 0, count: 64)
  let length = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &parts)
  return text[..<length].map { UInt8(bitPattern: $0) }
}
