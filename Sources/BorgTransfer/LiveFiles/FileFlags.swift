import CLinux

/// Inode flags in Borg's portable form: 1 nodump, 2 immutable, 4 append (archives.md 6.2).
enum FileFlags {
  private static let table: [(borg: UInt64, linux: UInt32)] = [(1, 0x40), (2, 0x10), (4, 0x20)]

  /// The kernel's flags that Borg stores.
  static let stored: UInt32 = 0x70

  /// The kernel's flags in Borg's form.
  static func portable(_ flags: UInt32) -> UInt64 {
    guard flags & stored != 0 else { return 0 }
    return table.reduce(0) { flags & $1.linux != 0 ? $0 | $1.borg : $0 }
  }

  /// The flags of an open file; 0 where the file system has none.
  static func read(_ descriptor: Int32) -> UInt64 {
    var flags: UInt32 = 0
    return clinux_get_inode_flags(descriptor, &flags) == 0 ? portable(flags) : 0
  }

  /// Changes the three flags to `wanted` and leaves all others; does nothing where flags cannot be read.
  static func write(_ wanted: UInt64, to descriptor: Int32) {
    var flags: UInt32 = 0
    guard clinux_get_inode_flags(descriptor, &flags) == 0 else { return }
    var changed = flags
    for row in table {
      if wanted & row.borg != 0 { changed |= row.linux } else { changed &= ~row.linux }
    }
    if changed != flags { _ = clinux_set_inode_flags(descriptor, changed) }
  }
}
