import BorgFormat
import Glibc
import Synchronization

/// A repository's tree and, beside it, other ways to its archives: the folder `.borg` in the root. It is found by name but
/// not listed, so that neither file managers nor copies stumble over it:
///
///     .borg/latest                    a link to the newest archive
///     .borg/by-date/2024-05-01T03:00:00  links to all archives
///     .borg/by-host/HOST/ARCHIVE      links by the host they were made on, and `latest` for each
///     .borg/history/PATH/             for a folder all names it ever had; for a file a link to each of its versions,
///                                     called by the time and name of the first archive that holds it
///
/// All of it is made up when it is looked at, of links: nothing is read twice, nothing is kept of what nobody asks for.
public final class ViewsTree: FileTree {
  private let base: any FileTree
  private let source: any TreeSource
  private let options: TreeOptions
  private let nodes = Mutex(ViewNodes())
  private let histories = Mutex(Histories())

  static let name: [UInt8] = Array(".borg".utf8)

  public init(over base: any FileTree, source: any TreeSource, options: TreeOptions) {
    self.base = base
    self.source = source
    self.options = options
  }

  public func lookup(_ name: UnsafeRawBufferPointer, in parent: UInt64) throws(TreeError) -> Attributes {
    if let view = nodes.withLock({ $0.view(of: parent) }) { return try lookup(name, in: view) }
    do throws(TreeError) { return try base.lookup(name, in: parent) } catch {
      guard parent == InodeNumber.root, name.elementsEqual(ViewsTree.name) else { throw error }
      return try attributes(.top)
    }
  }

  public func attributes(of inode: UInt64) throws(TreeError) -> Attributes {
    guard let view = nodes.withLock({ $0.view(of: inode) }) else { return try base.attributes(of: inode) }
    return try attributes(view)
  }

  public func forEachEntry(
    of directory: UInt64, after position: UInt64, _ body: (borrowing TreeEntry) -> Bool
  ) throws(TreeError) {
    guard let view = nodes.withLock({ $0.view(of: directory) }) else {
      try base.forEachEntry(of: directory, after: position, body)
      return
    }
    if case .link = view { throw .notADirectory }
    guard emitDots(after: position, own: try attributes(view), parent: try attributesOfParent(view), body) else {
      return
    }
    let entries = try entries(of: view)
    let first = Int(clamping: max(position, 2)) - 2
    for index in min(first, entries.count)..<entries.count {
      let attributes = try attributes(entries[index].view)
      let goesOn = entries[index].name.withUnsafeBytes {
        body(TreeEntry(name: $0, position: UInt64(index) + 3, attributes: attributes))
      }
      guard goesOn else { return }
    }
  }

  public func linkTarget(of inode: UInt64) throws(TreeError) -> [UInt8] {
    guard let view = nodes.withLock({ $0.view(of: inode) }) else { return try base.linkTarget(of: inode) }
    guard case .link(let target, _) = view else { throw .notASymbolicLink }
    return target
  }

  public func open(_ inode: UInt64) throws(TreeError) -> any TreeContent {
    if nodes.withLock({ $0.view(of: inode) }) != nil { throw .isADirectory }
    return try base.open(inode)
  }

  public func xattrNames(of inode: UInt64) throws(TreeError) -> [[UInt8]] {
    nodes.withLock { $0.view(of: inode) } == nil ? try base.xattrNames(of: inode) : []
  }

  public func xattr(_ name: UnsafeRawBufferPointer, of inode: UInt64) throws(TreeError) -> [UInt8] {
    if nodes.withLock({ $0.view(of: inode) }) != nil { throw .noSuchAttribute }
    return try base.xattr(name, of: inode)
  }

  public var opensEverything: Bool { base.opensEverything }
  public var statistics: TreeStatistics { base.statistics }
}

/// What there is in the views.
extension ViewsTree {
  private typealias Entry = (name: [UInt8], view: View)

  private func lookup(_ name: UnsafeRawBufferPointer, in view: View) throws(TreeError) -> Attributes {
    if case .link = view { throw .notADirectory }
    if name.isDot { return try attributes(view) }
    if name.isDotDot { return try attributesOfParent(view) }
    for entry in try entries(of: view) where entry.name.elementsEqual(name) { return try attributes(entry.view) }
    throw .noSuchArchive
  }

  private func attributesOfParent(_ view: View) throws(TreeError) -> Attributes {
    guard let parent = view.parent else { return try base.attributes(of: InodeNumber.root) }
    return try attributes(parent)
  }

  private func attributes(_ view: View) throws(TreeError) -> Attributes {
    let inode = nodes.withLock { $0.inode(of: view) }
    if case .link(let target, let time) = view {
      var link = options.syntheticDirectory(inode: inode, time: time)
      link.mode = FileType.symbolicLink | 0o777 & ~options.umask
      link.size = Int64(target.count)
      return link
    }
    // What changes when archives come and go, so that the kernel lists it again.
    let newest = try shownArchives().map(\.start).max() ?? options.mountTime
    var directory = options.syntheticDirectory(inode: inode, time: newest)
    directory.mayVanish = true
    return directory
  }

  private func entries(of view: View) throws(TreeError) -> [Entry] {
    switch view {
    case .link: throw .notADirectory
    case .top:
      let newest = try shownArchives().max { $0.start < $1.start }
      let latest = newest.map { (name: Array("latest".utf8), view: View.link(to: $0, up: 1)) }
      let folders: [Entry] = [
        (Array("by-date".utf8), .byDate), (Array("by-host".utf8), .byHost), (Array("history".utf8), .history([])),
      ]
      return (latest.map { [$0] } ?? []) + folders
    case .byDate: return ViewsTree.dated(try shownArchives())
    case .byHost:
      var hosts: Set<[UInt8]> = []
      for archive in try shownArchives() { hosts.insert(try host(archive)) }
      return hosts.sorted { $0.lexicographicallyPrecedes($1) }.map { ($0, .host($0)) }
    case .host(let host): return try entries(of: host)
    case .history(let path): return try history(of: path)
    }
  }

  /// The archives that the root shows.
  private func shownArchives() throws(TreeError) -> [TreeArchive] { try source.archives().filter(\.name.isFileName) }

  private func host(_ archive: TreeArchive) throws(TreeError) -> [UInt8] {
    // An archive that cannot be read is nobody's.
    let name = (try? source.host(of: archive)) ?? []
    return name.isFileName ? name : Array("unknown".utf8)
  }

  private func entries(of host: [UInt8]) throws(TreeError) -> [Entry] {
    var archives: [TreeArchive] = []
    for archive in try shownArchives() where try self.host(archive) == host { archives.append(archive) }
    guard let newest = archives.max(by: { $0.start < $1.start }) else { return [] }
    let links: [Entry] = archives.map { ($0.name, .link(to: $0, up: 3)) }
    let latest: Entry = (Array("latest".utf8), .link(to: newest, up: 3))
    return links.contains { $0.name == latest.name } ? links : [latest] + links
  }

  /// Links by time; of two archives of one second the later one's is told apart by its name.
  private static func dated(_ archives: [TreeArchive]) -> [Entry] {
    var taken: Set<[UInt8]> = []
    return archives.map { archive in
      let time = localText(archive.start)
      let name = taken.insert(time).inserted ? time : time + [0x20] + archive.name
      return (Array(name.prefix(NodeTable.maximumNameLength)), View.link(to: archive, up: 2))
    }
  }

  private func history(of path: [[UInt8]]) throws(TreeError) -> [Entry] {
    var entries: [Entry] = []
    if let name = path.last {
      let own = try names(in: Array(path.dropLast())).first { $0.name == name }
      for version in own?.versions ?? [] where version.archive.name.isFileName {
        let label = localText(version.archive.start) + [0x20] + version.archive.name
        let inside = Array(path.joined(separator: [TreePath.separator]))
        entries.append(
          (
            Array(label.prefix(NodeTable.maximumNameLength)),
            .link(to: version.archive, path: inside, up: path.count + 2, time: version.mtime)
          ))
      }
    }
    for child in try names(in: path) { entries.append((child.name, .history(path + [child.name]))) }
    return entries
  }

  private func names(in folder: [[UInt8]]) throws(TreeError) -> [PathHistory] {
    let archives = try source.archives()
    let path = Array(folder.joined(separator: [TreePath.separator]))
    if let known = histories.withLock({ $0.known(path, archives) }) { return known }
    let found = try source.history(of: path).filter(\.name.isFileName)
    histories.withLock { $0.keep(found, path, archives) }
    return found
  }
}

/// A name in a folder, over all archives.
public struct PathHistory: Sendable, Equatable {
  /// What is no directory, since the archive that first held it so. `mtime` in nanoseconds since 1970.
  public struct Version: Sendable, Equatable {
    public var archive: TreeArchive
    public var mtime: Int64

    public init(archive: TreeArchive, mtime: Int64) {
      self.archive = archive
      self.mtime = mtime
    }
  }

  public var name: [UInt8]
  public var versions: [Version]

  public init(name: [UInt8], versions: [Version]) {
    self.name = name
    self.versions = versions
  }
}

/// One place in the views.
private enum View: Hashable, Sendable {
  case top, byDate, byHost
  case host([UInt8])
  /// The path's elements.
  case history([[UInt8]])
  case link(target: [UInt8], time: Int64)

  /// A link, `up` directories below the root, to an archive or a path in it.
  static func link(to archive: TreeArchive, path: [UInt8] = [], up: Int, time: Int64? = nil) -> View {
    var target: [UInt8] = []
    for _ in 0..<up { target += "../".utf8 }
    target += archive.name
    if !path.isEmpty { target += [TreePath.separator] + path }
    return .link(target: target, time: time ?? archive.start)
  }

  /// Nil: the root of the mount.
  var parent: View? {
    switch self {
    case .top, .link: nil
    case .byDate, .byHost: .top
    case .host: .byHost
    case .history(let path): path.isEmpty ? .top : .history(path.dropLast())
    }
  }
}

/// Inode numbers of views: their own tag, and a number made from what they are, so that most are the same in every mount.
private struct ViewNodes: Sendable {
  /// No archive has this one, save one in two thousand million.
  private static let tag: UInt64 = 0x7FFF_FFFF
  private var views: [UInt32: View] = [:]
  private var numbers: [View: UInt32] = [:]

  func view(of inode: UInt64) -> View? {
    inode >> 32 == ViewNodes.tag ? views[UInt32(truncatingIfNeeded: inode)] : nil
  }

  mutating func inode(of view: View) -> UInt64 {
    var number = numbers[view] ?? max(1, ViewNodes.hash(view))
    while let other = views[number], other != view { number = number == .max ? 1 : number + 1 }
    views[number] = view
    numbers[view] = number
    return ViewNodes.tag << 32 | UInt64(number)
  }

  private static func hash(_ view: View) -> UInt32 {
    let text: [UInt8] =
      switch view {
      case .top: [1]
      case .byDate: [2]
      case .byHost: [3]
      case .host(let name): [4] + name
      case .history(let path): [5] + path.joined(separator: [TreePath.separator])
      case .link(let target, let time): [6] + target + Array("\(time)".utf8)
      }
    return text.reduce(2_166_136_261) { ($0 ^ UInt32($1)) &* 16_777_619 }
  }
}

/// The histories of the folders that were looked at last.
private struct Histories: Sendable {
  private static let maximumCount = 64
  private var archives: [TreeArchive] = []
  private var found: [[UInt8]: [PathHistory]] = [:]

  func known(_ path: [UInt8], _ archives: [TreeArchive]) -> [PathHistory]? {
    archives == self.archives ? found[path] : nil
  }

  mutating func keep(_ history: [PathHistory], _ path: [UInt8], _ archives: [TreeArchive]) {
    if archives != self.archives || found.count >= Histories.maximumCount { found.removeAll() }
    self.archives = archives
    found[path] = history
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
