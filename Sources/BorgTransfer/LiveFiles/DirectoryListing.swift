import BorgSystem
import CLinux
import Glibc

/// The names in one directory, in ascending inode order, as Borg walks them; equal inodes stay in directory order.
struct DirectoryListing {
  struct Entry {
    var inode: UInt64
    /// Where the NUL-terminated name begins in `names`.
    var name: Int
    /// DT_REG, DT_DIR, …; DT_UNKNOWN where the file system does not tell.
    var type: UInt8
  }

  private(set) var entries: [Entry] = []
  private(set) var names: [CChar] = []

  /// Reads all of an open directory.
  init(reading directory: Int32, buffer: UnsafeMutableRawBufferPointer) throws(BackupProblem) {
    while true {
      let length = getdents64(directory, buffer.baseAddress, buffer.count)
      if length == 0 { break }
      guard length > 0 else { throw .last("scandir") }
      append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[0..<length]))
    }
    entries.sort { ($0.inode, $0.name) < ($1.inode, $1.name) }
  }

  /// Records of the kernel: inode, offset, record length, type, name with NUL.
  private mutating func append(_ records: UnsafeRawBufferPointer) {
    var start = 0
    while start + 19 < records.count {
      let inode = records.loadUnaligned(fromByteOffset: start, as: UInt64.self)
      let length = Int(records.loadUnaligned(fromByteOffset: start + 16, as: UInt16.self))
      guard length > 19, start + length <= records.count else { return }
      let field = UnsafeRawBufferPointer(rebasing: records[(start + 19)..<(start + length)])
      let name = UnsafeRawBufferPointer(rebasing: field[0..<(field.firstIndex(of: 0) ?? field.count)])
      if !name.elementsEqual([0x2E]), !name.elementsEqual([0x2E, 0x2E]) {
        entries.append(Entry(inode: inode, name: names.count, type: records[start + 18]))
        names.append(contentsOf: name.bindMemory(to: CChar.self))
        names.append(0)
      }
      start += length
    }
  }
}
