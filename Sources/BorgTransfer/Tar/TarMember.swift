/// One member of a tar stream, with everything that extended headers say about it.
struct TarMember {
  var name: [UInt8] = []
  var type = TarType.regular
  var mode: UInt32 = 0
  var uid: Int64 = 0
  var gid: Int64 = 0
  /// Of the bytes in the stream.
  var size: Int64 = 0
  /// Nanoseconds since 1970.
  var mtime: Int64 = 0
  var linkName: [UInt8] = []
  var user: [UInt8] = []
  var group: [UInt8] = []
  var device: (major: UInt32, minor: UInt32) = (0, 0)
  /// Nil: the content is what the stream holds.
  var sparse: TarSparseMap?

  var isRegular: Bool {
    type == TarType.regular || type == TarType.oldRegular || type == TarType.contiguous || type == TarType.sparse
  }

  /// Whether content stands in the stream behind the header: links and the like have none, whatever size they state.
  var hasContent: Bool {
    switch type {
    case TarType.hardLink, TarType.symbolicLink, TarType.characterDevice, TarType.blockDevice, TarType.directory,
      TarType.fifo:
      false
    default: true
    }
  }
}

/// Where the data of a sparse file stands; all else is zeros.
struct TarSparseMap {
  struct Segment {
    var offset: Int64
    var count: Int64
  }

  /// No map is longer: a hostile one would fill the memory.
  static let maximumSegments = 1 << 20
  /// No file is larger: more chunks than this takes do not fit into an item.
  static let maximumSize: Int64 = 1 << 44

  private(set) var segments: [Segment] = []
  var realSize: Int64 = 0

  /// Segments stand in order and do not overlap. Throws for anything else.
  mutating func append(offset: Int64, count: Int64) throws {
    guard offset >= 0, count >= 0, offset <= Self.maximumSize, count <= Self.maximumSize,
      segments.count < Self.maximumSegments
    else { throw TarReader.damage("invalid sparse map") }
    if let last = segments.last, offset < last.offset + last.count { throw TarReader.damage("invalid sparse map") }
    segments.append(Segment(offset: offset, count: count))
  }

  /// Throws unless the map fits the file and has `stored` bytes of data.
  func check(stored: Int64) throws {
    let end = segments.last.map { $0.offset + $0.count } ?? 0
    let sum = segments.reduce(Int64(0)) { $0 &+ $1.count }
    guard realSize >= end, realSize <= Self.maximumSize, sum <= stored else {
      throw TarReader.damage("invalid sparse map")
    }
  }
}
