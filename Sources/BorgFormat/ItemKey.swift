/// The keys of an item's map, recognised from their length and bytes without making a string.
enum ItemKey {
  case aclAccess, aclDefault, aclExtended, aclNFS4, atime, birthtime, bsdflags, chunks, chunksHealthy, ctime, gid, group
  case hardlinkMaster, mode, mtime, part, path, rdev, size, source, uid, user, xattrs
  case unknown

  init(_ key: UnsafeRawBufferPointer) {
    switch key.count {
    case 3...7: self.init(short: key)
    case 8...15: self.init(long: key)
    default: self = .unknown
    }
  }

  @inline(__always)
  private init(short key: UnsafeRawBufferPointer) {
    switch Self.word(key) {
    case Self.word("path"): self = .path
    case Self.word("mode"): self = .mode
    case Self.word("mtime"): self = .mtime
    case Self.word("chunks"): self = .chunks
    case Self.word("uid"): self = .uid
    case Self.word("gid"): self = .gid
    case Self.word("user"): self = .user
    case Self.word("group"): self = .group
    case Self.word("ctime"): self = .ctime
    case Self.word("size"): self = .size
    case Self.word("source"): self = .source
    case Self.word("atime"): self = .atime
    case Self.word("xattrs"): self = .xattrs
    case Self.word("rdev"): self = .rdev
    case Self.word("part"): self = .part
    default: self = .unknown
    }
  }

  private init(long key: UnsafeRawBufferPointer) {
    switch key.count {
    case 15 where Self.equals(key, "hardlink_master"): self = .hardlinkMaster
    case 8 where Self.equals(key, "bsdflags"): self = .bsdflags
    case 8 where Self.equals(key, "acl_nfs4"): self = .aclNFS4
    case 9 where Self.equals(key, "birthtime"): self = .birthtime
    case 10 where Self.equals(key, "acl_access"): self = .aclAccess
    case 11 where Self.equals(key, "acl_default"): self = .aclDefault
    case 12 where Self.equals(key, "acl_extended"): self = .aclExtended
    case 14 where Self.equals(key, "chunks_healthy"): self = .chunksHealthy
    default: self = .unknown
    }
  }

  /// Up to seven bytes and their count in one word, so that one comparison tells two keys apart.
  @inline(__always)
  private static func word(_ key: UnsafeRawBufferPointer) -> UInt64 {
    var word = UInt64(key.count) << 56
    for index in 0..<key.count { word |= UInt64(key[index]) << UInt64(8 * index) }
    return word
  }

  @inline(__always)
  private static func word(_ text: StaticString) -> UInt64 {
    word(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Both have the same length, eight at least: their first and last eight bytes decide.
  @inline(__always)
  private static func equals(_ key: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
    let text = UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    let last = key.count - 8
    return key.loadUnaligned(as: UInt64.self) == text.loadUnaligned(as: UInt64.self)
      && key.loadUnaligned(fromByteOffset: last, as: UInt64.self)
        == text.loadUnaligned(fromByteOffset: last, as: UInt64.self)
  }
}
