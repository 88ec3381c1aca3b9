import BorgFormat
import CLinux
import Glibc

/// Where an entry is found: a name in an open directory.
struct Place {
  /// AT_FDCWD for roots.
  var directory: Int32 = AT_FDCWD
  var name: UnsafePointer<CChar>
  /// As the directory told it.
  var type = UInt8(DT_UNKNOWN)
  /// The file itself, when it was opened ahead of its turn; whoever looks at it closes it.
  var opened: OpenedFile?

  /// For messages: as Borg gives names, relative to the opened parent.
  var nameBytes: [UInt8] { Array(UnsafeRawBufferPointer(start: name, count: strlen(name))) }
}

/// Opens without touching the access time where that is permitted.
func openLive(_ place: Place, _ flags: Int32, operation: String = "open") throws(BackupProblem) -> Int32 {
  let descriptor = openLiveDescriptor(place.directory, place.name, flags)
  guard descriptor >= 0 else { throw .last(operation, place.nameBytes) }
  return descriptor
}

/// The same, negative on failure with the reason in errno.
func openLiveDescriptor(_ directory: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32) -> Int32 {
  let flags = flags | O_CLOEXEC
  let descriptor = clinux_openat(directory, name, flags | Int32(CLINUX_O_NOATIME), 0)
  guard descriptor < 0, errno == EPERM || errno == EACCES else { return descriptor }
  return clinux_openat(directory, name, flags, 0)
}

extension FileStatus {
  /// Throws when a second look shows another object than the first.
  func checkStillThe(_ first: FileStatus) throws(BackupProblem) {
    guard type == first.type, inode == first.inode else { throw .raceCondition }
  }

  /// What --read-special reads like files.
  var isSpecial: Bool {
    type == FileType.blockDevice || type == FileType.characterDevice || type == FileType.fifo
  }
}

extension [CChar] {
  /// Calls `body` with these characters and a NUL after them.
  func withTerminator<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
    try (self + [0]).withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { preconditionFailure("a buffer with a NUL is not empty") }
      return try body(start)
    }
  }
}
