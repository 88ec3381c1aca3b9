import BorgFormat
import BorgSystem
import CLinux
import Glibc

/// What stat tells of a live file; times in nanoseconds since 1970, as the kernel has them.
struct FileStatus: Equatable {
  var mode: UInt32
  var inode: UInt64
  var device: UInt64
  var linkCount: UInt64
  var uid: UInt32
  var gid: UInt32
  var size: Int64
  var rdev: UInt64
  var atime: Int64
  var mtime: Int64
  var ctime: Int64
  /// Borg's flags, where the file system told them together with the rest.
  var flags: UInt64?

  var type: UInt32 { mode & FileType.mask }

  init(_ status: stat) {
    mode = UInt32(status.st_mode)
    inode = UInt64(status.st_ino)
    device = UInt64(status.st_dev)
    linkCount = UInt64(status.st_nlink)
    uid = status.st_uid
    gid = status.st_gid
    size = Int64(status.st_size)
    rdev = UInt64(status.st_rdev)
    atime = nanoseconds(status.st_atim)
    mtime = nanoseconds(status.st_mtim)
    ctime = nanoseconds(status.st_ctim)
  }

  private init(_ extended: clinux_status) {
    let status = extended.status
    mode = UInt32(status.stx_mode)
    inode = status.stx_ino
    device = UInt64(clinux_makedev(status.stx_dev_major, status.stx_dev_minor))
    linkCount = UInt64(status.stx_nlink)
    uid = status.stx_uid
    gid = status.stx_gid
    size = Int64(clamping: status.stx_size)
    rdev = UInt64(clinux_makedev(status.stx_rdev_major, status.stx_rdev_minor))
    atime = nanoseconds(status.stx_atime)
    mtime = nanoseconds(status.stx_mtime)
    ctime = nanoseconds(status.stx_ctime)
    if extended.known_flags == FileFlags.stored { flags = FileFlags.portable(extended.flags) }
  }

  /// Nil on failure, with the reason in errno.
  init?(of descriptor: Int32) {
    var extended = clinux_status()
    if clinux_status(descriptor, &extended) == 0 {
      self.init(extended)
      return
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return nil }
    self.init(status)
  }

  /// The same of a name in a directory, flags included; a link is not followed.
  init?(lookingAt name: UnsafePointer<CChar>, in directory: Int32) {
    var extended = clinux_status()
    guard clinux_status_at(directory, name, &extended) == 0 else { return nil }
    self.init(extended)
  }

  /// Nil on failure, with the reason in errno.
  init?(at directory: Int32, _ name: UnsafePointer<CChar>, followLinks: Bool = false) {
    var status = stat()
    guard fstatat(directory, name, &status, followLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
    self.init(status)
  }
}

private func nanoseconds(_ time: timespec) -> Int64 {
  nanoseconds(Int64(time.tv_sec), Int64(time.tv_nsec))
}

private func nanoseconds(_ time: statx_timestamp) -> Int64 {
  nanoseconds(time.tv_sec, Int64(time.tv_nsec))
}

/// Saturates where a file system has times beyond what 64 bits of nanoseconds hold.
private func nanoseconds(_ seconds: Int64, _ rest: Int64) -> Int64 {
  let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
  if overflow { return seconds < 0 ? .min : .max }
  let (sum, tooFar) = whole.addingReportingOverflow(rest)
  return tooFar ? .max : sum
}

/// Times that items may hold: 0 to 2^31-1 seconds minus 48 hours (archives.md section 1).
func clampedItemTime(_ nanoseconds: Int64) -> Int64 {
  min(max(nanoseconds, 0), 2_147_310_847_000_000_000)
}
