import BorgFormat

/// An item that was looked for, as one or more archives hold it.
public struct Sighting: Sendable, Equatable {
  public var path: [UInt8]
  public var mode: UInt32
  public var size: Int64
  public var mtime: Int64
  /// Tells contents apart: of a file its chunks, of anything else its target.
  var identity: UInt64
  /// Of a later name of a hard link: the first name's path.
  var master: [UInt8]?

  init(_ summary: borrowing ItemSummary) {
    path = Array(summary.path)
    mode = summary.mode
    size = summary.size
    mtime = summary.mtime
    if summary.isHardlinkReference { master = Array(summary.source) }
    if summary.hasChunks {
      identity = summary.contentHash
    } else {
      identity = UInt64(summary.mode & FileType.mask)
      for byte in summary.source { identity = (identity ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
  }
}

/// A path and what the archives hold under it. Archives are told by their place among those that were searched.
public struct Finding: Sendable, Equatable {
  /// A content that stayed the same over archives in a row, among those that hold the path.
  public struct Version: Sendable, Equatable {
    /// As the last of the archives holds it.
    public var sighting: Sighting
    public var archives: [Int]
  }

  public var path: [UInt8]
  /// Never empty; the last is the newest.
  public var versions: [Version]

  public var archiveCount: Int { versions.reduce(0) { $0 + $1.archives.count } }
  public var firstArchive: Int { versions[0].archives[0] }
  public var lastArchive: Int { versions[versions.count - 1].archives.last ?? firstArchive }

  /// Sorted by path. `archives` says for each sighting which archives hold it; later names of hard links have what their
  /// first names have, which stand in `masters`.
  static func findings(_ sightings: [Sighting], archives: [[UInt32]], masters: Masters) -> [Finding] {
    let order = sightings.indices.sorted { a, b in
      sightings[a].path == sightings[b].path ? a < b : sightings[a].path.lexicographicallyPrecedes(sightings[b].path)
    }
    var findings: [Finding] = []
    var start = 0
    while start < order.count {
      let path = sightings[order[start]].path
      var end = start + 1
      while end < order.count, sightings[order[end]].path == path { end += 1 }
      findings.append(Finding(path: path, versions: versions(order[start..<end], sightings, archives, masters)))
      start = end
    }
    return findings
  }

  private static func versions(
    _ same: ArraySlice<Int>, _ sightings: [Sighting], _ archives: [[UInt32]], _ masters: Masters
  ) -> [Version] {
    var held: [(archive: Int, sighting: Int)] = []
    for index in same { for archive in archives[index] { held.append((Int(archive), index)) } }
    if same.count > 1 { held.sort { ($0.archive, $0.sighting) < ($1.archive, $1.sighting) } }
    var versions: [Version] = []
    for (place, (archive, index)) in held.enumerated() {
      // Of two items with one path the later counts, as everywhere.
      if place + 1 < held.count, held[place + 1].archive == archive { continue }
      let sighting = masters.resolved(sightings[index], in: archive)
      if let last = versions.last, last.sighting.identity == sighting.identity {
        versions[versions.count - 1].archives.append(archive)
        versions[versions.count - 1].sighting = sighting
      } else {
        versions.append(Version(sighting: sighting, archives: [archive]))
      }
    }
    return versions
  }
}

/// First names of hard links, by path, with the archives that hold each.
struct Masters {
  private var sightings: [[UInt8]: [(sighting: Sighting, archives: [UInt32])]] = [:]

  mutating func add(_ sighting: Sighting, archives: [UInt32]) {
    sightings[sighting.path, default: []].append((sighting, archives))
  }

  /// The sighting with the content that its first name has in this archive.
  func resolved(_ sighting: Sighting, in archive: Int) -> Sighting {
    guard let path = sighting.master, let named = sightings[path],
      let master = named.last(where: { Masters.contains($0.archives, archive) })?.sighting
    else { return sighting }
    var resolved = sighting
    resolved.identity = master.identity
    resolved.size = master.size
    return resolved
  }

  /// The list is sorted.
  private static func contains(_ archives: [UInt32], _ archive: Int) -> Bool {
    var (low, high) = (0, archives.count)
    while low < high {
      let middle = (low + high) / 2
      if Int(archives[middle]) < archive { low = middle + 1 } else { high = middle }
    }
    return low < archives.count && Int(archives[low]) == archive
  }
}

extension ItemSummary {
  fileprivate var isHardlinkReference: Bool { source.baseAddress != nil && isHardlinkable }

  /// Whether other names in its archive may stand for it.
  var isHardlinkMaster: Bool { source.baseAddress == nil && hardlinkMaster == true && isHardlinkable }

  private var isHardlinkable: Bool {
    let type = mode & FileType.mask
    return type != FileType.directory && type != FileType.symbolicLink
  }
}
