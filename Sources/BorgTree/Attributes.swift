/// What stat(2) tells of one object. Times are in nanoseconds since 1970.
public struct Attributes: Sendable, Equatable {
  public var inode: UInt64
  /// Tells what has the inode number here from what has it in mounts of other archives or with other patterns.
  public var generation: UInt32 = 0
  public var mode: UInt32
  public var linkCount: UInt32 = 1
  public var uid: UInt32
  public var gid: UInt32
  public var rdev: UInt64 = 0
  public var size: Int64 = 0
  /// Of `size`: in holes, which take no space. Never more than `size`.
  public var holeBytes: Int64 = 0
  public var mtime: Int64
  public var atime: Int64
  public var ctime: Int64
  /// False for the directory of an archive that has not been read yet: its own item may still change them.
  public var areFinal = true
  /// True for the root of a repository, its archives' directories and the views: archives come and go.
  public var mayVanish = false

  public init(inode: UInt64, mode: UInt32, uid: UInt32, gid: UInt32, time: Int64) {
    self.inode = inode
    self.mode = mode
    self.uid = uid
    self.gid = gid
    mtime = time
    atime = time
    ctime = time
  }

  /// The space it takes, in blocks of 512 bytes.
  public var blockCount: Int64 {
    let (blocks, rest) = (size - holeBytes).quotientAndRemainder(dividingBy: 512)
    return rest == 0 ? blocks : blocks + 1
  }
}

/// How a tree shows what is stored (fuse.md sections 1 and 2).
public struct TreeOptions: Sendable {
  /// The mounting user: owner of synthetic directories and of items with impossible ids.
  public var uid: UInt32
  public var gid: UInt32
  /// Owner of every object, whatever is stored.
  public var forcedUID: UInt32?
  public var forcedGID: UInt32?
  /// Bits taken away from every mode.
  public var umask: UInt32 = 0
  /// The time synthetic directories carry.
  public var mountTime: Int64
  public var strippedComponents = 0
  public var showsPartFiles = false
  public var opensDamagedFiles = false

  public init(uid: UInt32, gid: UInt32, mountTime: Int64) {
    self.uid = uid
    self.gid = gid
    self.mountTime = mountTime
  }

  /// The attributes of a directory that no archive stores.
  func syntheticDirectory(inode: UInt64, time: Int64) -> Attributes {
    Attributes(
      inode: inode, mode: 0o040755 & ~umask, uid: forcedUID ?? uid, gid: forcedGID ?? gid, time: time)
  }
}
