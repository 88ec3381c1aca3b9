/// A path and what the archives hold under it. Archives are told by their place among those that were searched.
public struct Finding: Sendable, Equatable {
  /// A content that stayed the same over archives in a row, among those that hold the path.
  public struct Version: Sendable, Equatable {
    // As the last of the archives holds it.
    public var mode: UInt32
    public var size: Int64
    /// In nanoseconds since 1970.
    public var mtime: Int64
    public var archives: [Int]
  }

  public var path: [UInt8]
  /// Never empty; the last is the newest.
  public var versions: [Version]

  /// `isSame`: the content is that of the archive before.
  mutating func add(_ content: SightedContent, in archive: Int, isSame: Bool) {
    if !isSame || versions.isEmpty { versions.append(Version(mode: 0, size: 0, mtime: 0, archives: [])) }
    let last = versions.count - 1
    (versions[last].mode, versions[last].size, versions[last].mtime) = (content.mode, content.size, content.mtime)
    versions[last].archives.append(archive)
  }

  public var archiveCount: Int { versions.reduce(0) { $0 + $1.archives.count } }
  public var firstArchive: Int { versions[0].archives[0] }
  public var lastArchive: Int { versions[versions.count - 1].archives.last ?? firstArchive }
}
