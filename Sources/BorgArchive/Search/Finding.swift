import BorgFormat

/// An item that was looked for, as one or more archives hold it.
public struct Sighting: Sendable, Equatable {
  public var path: [UInt8]
  public var mode: UInt32
  public var size: Int64
  public var mtime: Int64
  /// Tells contents apart: of a file its chunks, of anything else its target.
  var identity: UInt64

  init(_ summary: borrowing ItemSummary) {
    path = Array(summary.path)
    mode = summary.mode
    size = summary.size
    mtime = summary.mtime
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

  /// Sorted by path. `archives` says for each sighting which archives hold it.
  static func findings(_ sightings: [Sighting], archives: [[UInt32]]) -> [Finding] {
    let order = sightings.indices.sorted { a, b in
      sightings[a].path == sightings[b].path ? a < b : sightings[a].path.lexicographicallyPrecedes(sightings[b].path)
    }
    var findings: [Finding] = []
    var start = 0
    while start < order.count {
      let path = sightings[order[start]].path
      var end = start + 1
      while end < order.count, sightings[order[end]].path == path { end += 1 }
      findings.append(Finding(path: path, versions: versions(order[start..<end], sightings, archives)))
      start = end
    }
    return findings
  }

  private static func versions(
    _ same: ArraySlice<Int>, _ sightings: [Sighting], _ archives: [[UInt32]]
  ) -> [Version] {
    var held: [(archive: Int, sighting: Int)] = []
    for index in same { for archive in archives[index] { held.append((Int(archive), index)) } }
    if same.count > 1 { held.sort { ($0.archive, $0.sighting) < ($1.archive, $1.sighting) } }
    var versions: [Version] = []
    for (place, (archive, index)) in held.enumerated() {
      // Of two items with one path the later counts, as everywhere.
      if place + 1 < held.count, held[place + 1].archive == archive { continue }
      if let last = versions.last, last.sighting.identity == sightings[index].identity {
        versions[versions.count - 1].archives.append(archive)
        versions[versions.count - 1].sighting = sightings[index]
      } else {
        versions.append(Version(sighting: sightings[index], archives: [archive]))
      }
    }
    return versions
  }
}
