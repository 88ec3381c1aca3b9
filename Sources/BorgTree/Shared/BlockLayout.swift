import BorgFormat

/// How many records of each kind a block has, and where its items lie in its chunk.
struct BlockHeader: BitwiseCopyable {
  var itemCount: UInt32 = 0
  var directoryCount: UInt32 = 0
  var directoryItemCount: UInt32 = 0
  var linkCount: UInt32 = 0
  var ownerCount: UInt32 = 0
  /// A power of two above the number of items.
  var slotCount: UInt32 = 0
  var arenaLength: UInt32 = 0
  /// The arena begins with the chunk's head.
  var headLength: UInt32 = 0
  var tailStart: UInt32 = 0
  var tailLength: UInt32 = 0
  var chunkLength: UInt32 = 0
  var isRegular: UInt32 = 1
  var hasDamagedFiles: UInt32 = 0
  /// Of all items.
  var attributeKinds: AttributeKinds = []

  /// In bytes.
  var imageSize: UInt64 {
    func size<T>(_ count: UInt32, _ type: T.Type) -> UInt64 { UInt64(count) * UInt64(MemoryLayout<T>.stride) }
    return size(1, BlockHeader.self) + size(itemCount, BlockItem.self) + size(directoryCount, BlockDirectory.self)
      + size(directoryItemCount, BlockDirectoryItem.self) + size(linkCount, BlockLink.self)
      + size(ownerCount, BlockOwner.self) + size(slotCount, UInt16.self) + UInt64(arenaLength)
  }
}

/// An item: 64 bytes, one cache line.
struct BlockItem: BitwiseCopyable {
  var mtime: Int64
  var ctime: Int64
  /// A device's number for a device.
  var size: Int64
  var nameHash: UInt64
  /// Where it lies in the chunk, or in the bytes that were put together.
  var offset: UInt32
  var length: UInt32
  var nameStart: UInt32
  /// The access time and the bytes in holes, of items that have them.
  var extrasStart: UInt32 = 0
  var owner: UInt16
  /// The block's directory that holds it; `none` for the root's own item.
  var directory: UInt16
  /// The next item in the same directory of the block.
  var next: UInt16 = BlockItem.none
  var mode: UInt16
  var nameLength: UInt8
  var flags: BlockItemFlags
  private var identityHigh: UInt16 = 0
  private var identityLow: UInt32 = 0

  static let none = UInt16.max

  init(
    mtime: Int64, ctime: Int64, nameHash: UInt64, location: ItemLocation, nameStart: UInt32, owner: UInt16,
    directory: UInt16, mode: UInt16, nameLength: UInt8
  ) {
    self.mtime = mtime
    self.ctime = ctime
    size = 0
    self.nameHash = nameHash
    offset = location.offset
    length = location.length
    self.nameStart = nameStart
    self.owner = owner
    self.directory = directory
    self.mode = mode
    self.nameLength = nameLength
    flags = []
  }

  /// 48 bits that tell contents apart: `ItemSummary.identity`.
  var identity: UInt64 {
    get { UInt64(identityHigh) << 32 | UInt64(identityLow) }
    set {
      identityHigh = UInt16(truncatingIfNeeded: newValue >> 32)
      identityLow = UInt32(truncatingIfNeeded: newValue)
    }
  }

  var isDirectory: Bool { UInt32(mode) & FileType.mask == FileType.directory }
}

struct BlockItemFlags: OptionSet, BitwiseCopyable {
  let rawValue: UInt8
  static let hasXattrs = BlockItemFlags(rawValue: 1)
  static let isDamaged = BlockItemFlags(rawValue: 2)
  static let hasAtime = BlockItemFlags(rawValue: 4)
  /// A later name of another item.
  static let isLink = BlockItemFlags(rawValue: 8)
  static let hasHoles = BlockItemFlags(rawValue: 16)
  static let hasChunks = BlockItemFlags(rawValue: 32)
  /// The item says that no later name refers to it.
  static let isNoMaster = BlockItemFlags(rawValue: 64)

  /// How many numbers of 8 bytes are kept beside the item.
  var extraCount: UInt32 { (contains(.hasAtime) ? 1 : 0) + (contains(.hasHoles) ? 1 : 0) }
}

/// A directory that holds items of the block.
struct BlockDirectory: BitwiseCopyable {
  var pathHash: UInt64
  var pathStart: UInt32
  var pathLength: UInt32
  var first: UInt16
  var last: UInt16
  var unused: UInt32 = 0
}

/// An item that is a directory, with the hash of its path.
struct BlockDirectoryItem: BitwiseCopyable {
  var pathHash: UInt64
  var item: UInt32
  var unused: UInt32 = 0
}

/// A later name of a hard link, and the path it refers to.
struct BlockLink: BitwiseCopyable {
  var item: UInt32
  var sourceStart: UInt32
  var sourceLength: UInt32
  var unused: UInt32 = 0
}

/// Ids and names as they are stored; a length of `none`: no name.
struct BlockOwner: BitwiseCopyable {
  var uid: Int64
  var gid: Int64
  var userStart: UInt32
  var groupStart: UInt32
  var userLength: UInt32
  var groupLength: UInt32

  static let none = UInt32.max

  /// Whether `holds` is true of where the names are said to lie.
  func areNames(_ holds: (_ start: UInt32, _ length: UInt32) -> Bool) -> Bool {
    (userLength == BlockOwner.none || holds(userStart, userLength))
      && (groupLength == BlockOwner.none || holds(groupStart, groupLength))
  }
}
