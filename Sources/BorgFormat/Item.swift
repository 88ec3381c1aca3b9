/// One filesystem object in an archive (archives.md section 5). Text is kept as the bytes that were stored.
public struct Item: Sendable, Equatable {
  /// Relative, without a leading slash; `.` for the root.
  public var path: [UInt8]
  /// The full st_mode including the type bits.
  public var mode: UInt32 = 0
  public var uid: Int64 = 0
  public var gid: Int64 = 0
  /// Nil when the id has no name, or with --numeric-ids. Always written.
  public var user: [UInt8]?
  public var group: [UInt8]?
  /// Nanoseconds since 1970, like every time here.
  public var mtime: Int64 = 0
  public var ctime: Int64?
  public var atime: Int64?
  public var birthtime: Int64?
  /// Regular files (also when empty) and read-special items.
  public var chunks: [ChunkListEntry]?
  /// The list before `check --repair` put zeros in place of missing chunks.
  public var chunksHealthy: [ChunkListEntry]?
  public var size: Int64?
  public var hardlinkMaster: Bool?
  /// A symlink's target, or the path of the first name of a hard link.
  public var source: [UInt8]?
  public var rdev: UInt64?
  /// Borg's portable flags: 1 nodump, 2 immutable, 4 append. Stored only when not zero.
  public var bsdflags: UInt64?
  /// Sorted by name when written. An empty value is stored as nil.
  public var xattrs: [ExtendedAttribute] = []
  public var aclAccess: [UInt8]?
  public var aclDefault: [UInt8]?
  public var aclNFS4: [UInt8]?
  public var aclExtended: [UInt8]?
  /// The number of a checkpoint's part of a file.
  public var part: Int64?

  public init(path: [UInt8], mode: UInt32 = 0) {
    self.path = path
    self.mode = mode
  }
}

/// One extended attribute: name and value as the kernel gave them.
public struct ExtendedAttribute: Sendable, Equatable {
  public var name: [UInt8]
  public var value: [UInt8]

  // What the kernel calls those that Borg stores as items' fields, or that programs ask every file for.
  public static let accessList = Array("system.posix_acl_access".utf8)
  public static let defaultList = Array("system.posix_acl_default".utf8)
  public static let securityLabel = Array("security.selinux".utf8)

  public init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}

/// The type bits of st_mode, by their POSIX names.
public enum FileType {
  public static let mask: UInt32 = 0o170000
  public static let fifo: UInt32 = 0o010000
  public static let characterDevice: UInt32 = 0o020000
  public static let directory: UInt32 = 0o040000
  public static let blockDevice: UInt32 = 0o060000
  public static let regular: UInt32 = 0o100000
  public static let symbolicLink: UInt32 = 0o120000
  public static let socket: UInt32 = 0o140000
}

extension Item {
  public var type: UInt32 { mode & FileType.mask }
  public var isDirectory: Bool { type == FileType.directory }
  public var isRegular: Bool { type == FileType.regular }
  public var isSymbolicLink: Bool { type == FileType.symbolicLink }

  /// Whether this kind of object can have several names in an archive.
  public var isHardlinkable: Bool {
    type == FileType.regular || type == FileType.fifo || type == FileType.blockDevice
      || type == FileType.characterDevice
  }

  /// Whether later names may refer to this item (a missing `hardlink_master` counts as true: attic, import-tar).
  public var isHardlinkMaster: Bool { isHardlinkable && source == nil && hardlinkMaster ?? true }

  /// Whether this is a later name of another item.
  public var isHardlinkReference: Bool { isHardlinkable && source != nil }
}
