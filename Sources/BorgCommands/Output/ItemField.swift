import BorgFormat
import BorgObjects

/// What a format for items can name (patterns-and-formats.md section 5.2).
enum ItemField: String, CaseIterable {
  case archivename, archiveid
  case type, mode, user, group, uid, gid, path, bpath, source, linktarget, extra, flags, health
  case size, csize, dsize, dcsize
  case numberOfChunks = "num_chunks"
  case uniqueChunks = "unique_chunks"
  case mtime, ctime, atime, isomtime, isoctime, isoatime

  enum Kind { case text, integer, time, owner }

  var kind: Kind {
    switch self {
    case .uid, .gid, .flags, .size, .csize, .dsize, .dcsize, .numberOfChunks, .uniqueChunks: .integer
    case .mtime, .ctime, .atime: .time
    case .user, .group: .owner
    default: .text
    }
  }

  /// Whether the reference counts of all archives are needed.
  var needsCache: Bool { self == .dsize || self == .dcsize || self == .uniqueChunks }

  /// Whether JSON lines hold the key only when the format names it.
  var isComputed: Bool { Self.computed.contains(self) }

  /// In the order in which JSON lines show them.
  static let computed: [ItemField] = [
    .mtime, .ctime, .atime, .isomtime, .isoctime, .isoatime, .size, .csize, .dsize, .dcsize, .numberOfChunks,
    .uniqueChunks,
  ]
}

/// The texts and numbers of items that more than one output shows.
extension Item {
  /// Like `-rw-r--r--`. A later name of a hard link has `h` in front.
  func appendMode(to output: inout [UInt8]) {
    let isLaterName = !isSymbolicLink && !(source?.isEmpty ?? true)
    output.append(isLaterName ? UInt8(ascii: "h") : Self.typeLetter(type))
    appendPermissions(mode >> 6, special: mode & 0o4000 != 0, letters: ("S", "s"), to: &output)
    appendPermissions(mode >> 3, special: mode & 0o2000 != 0, letters: ("S", "s"), to: &output)
    appendPermissions(mode, special: mode & 0o1000 != 0, letters: ("T", "t"), to: &output)
  }

  /// `letters`: what stands in place of `-` and of `x` with the special bit set.
  private func appendPermissions(
    _ bits: UInt32, special: Bool, letters: (UnicodeScalar, UnicodeScalar), to output: inout [UInt8]
  ) {
    output.append(bits & 4 != 0 ? UInt8(ascii: "r") : UInt8(ascii: "-"))
    output.append(bits & 2 != 0 ? UInt8(ascii: "w") : UInt8(ascii: "-"))
    let (unset, set): (UnicodeScalar, UnicodeScalar) = special ? letters : ("-", "x")
    output.append(UInt8(ascii: bits & 1 != 0 ? set : unset))
  }

  static func typeLetter(_ type: UInt32) -> UInt8 {
    switch type {
    case FileType.regular: UInt8(ascii: "-")
    case FileType.directory: UInt8(ascii: "d")
    case FileType.symbolicLink: UInt8(ascii: "l")
    case FileType.fifo: UInt8(ascii: "p")
    case FileType.blockDevice: UInt8(ascii: "b")
    case FileType.characterDevice: UInt8(ascii: "c")
    case FileType.socket: UInt8(ascii: "s")
    default: UInt8(ascii: "?")
    }
  }

  /// The size that listings show: a symlink's is its target's length in characters, a later hard link's is 0.
  var listedSize: Int64 { size ?? linkLength ?? sum(of: chunks) { Int64($0.size) } }

  var listedStoredSize: Int64 { linkLength ?? sum(of: chunks) { Int64($0.storedSize) } }

  func sum(of chunks: [ChunkListEntry]?, _ value: (ChunkListEntry) -> Int64) -> Int64 {
    chunks?.reduce(0) { $0 &+ value($1) } ?? 0
  }

  private var linkLength: Int64? {
    guard isSymbolicLink else { return nil }
    return (source ?? []).withUnsafeBytes { target in
      var count: Int64 = 0
      var offset = 0
      while offset < target.count {
        offset += max(1, UTF8Sequence.length(target, at: offset))
        count += 1
      }
      return count
    }
  }
}
