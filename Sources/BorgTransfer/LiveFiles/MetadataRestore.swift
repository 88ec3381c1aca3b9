import BorgArchive
import BorgFormat
import BorgSystem
import CLinux
import Glibc

/// A file whose metadata is restored: open, or a name in an open directory that is never followed.
enum RestoreTarget {
  case descriptor(Int32)
  case entry(directory: Int32, name: UnsafePointer<CChar>)
}

/// Gives extracted files their metadata, in Borg's order (archives.md section 7): owner, mode, ACLs, extended
/// attributes, times, flags.
struct MetadataRestore {
  var numericIDs = false
  var flags = true
  var xattrs = true
  var acls = true
  let users: Users
  let monitor: any Monitor

  /// Throws when mode or ACLs cannot be set; other failures are ignored, or warned of where Borg does. `owner`: who
  /// owns the file now, if that is known and need not be set again.
  func restore(
    _ item: Item, to target: RestoreTarget, owner: (uid: UInt32, gid: UInt32)? = nil
  ) throws(BackupProblem) {
    restoreOwner(item, target, owner)
    guard restoreMode(item, target) else { throw .last("attrs") }
    if acls, !item.isSymbolicLink { try restoreACLs(item, target) }
    if xattrs, !item.xattrs.isEmpty {
      restoreExtendedAttributes(item.xattrs, of: item.path, to: handle(target), monitor: monitor)
    }
    restoreTimes(item, target)
    if flags, let wanted = item.bsdflags { restoreFlags(wanted, item, target) }
  }

  private func handle(_ target: RestoreTarget) -> FileHandle {
    switch target {
    case .descriptor(let descriptor): .descriptor(descriptor)
    case .entry(let directory, let name): FileHandle(directory: directory, name: name)
    }
  }

  private func restoreOwner(_ item: Item, _ target: RestoreTarget, _ owner: (uid: UInt32, gid: UInt32)?) {
    let uid = (numericIDs ? nil : item.user.flatMap { users.userID($0) }) ?? UInt32(exactly: max(item.uid, 0))
    let gid = (numericIDs ? nil : item.group.flatMap { users.groupID($0) }) ?? UInt32(exactly: max(item.gid, 0))
    guard let uid, let gid else { return }
    if let owner, owner == (uid, gid) { return }
    switch target {
    case .descriptor(let descriptor): _ = fchown(descriptor, uid, gid)
    case .entry(let directory, let name): _ = fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW)
    }
  }

  private func restoreMode(_ item: Item, _ target: RestoreTarget) -> Bool {
    let mode = mode_t(item.mode & 0o7777)
    switch target {
    case .descriptor(let descriptor): return fchmod(descriptor, mode) == 0
    case .entry(let directory, let name):
      if item.isSymbolicLink { return true }
      if fchmodat(directory, name, mode, AT_SYMLINK_NOFOLLOW) == 0 { return true }
      return errno == ENOTSUP && fchmodat(directory, name, mode, 0) == 0
    }
  }

  private func restoreACLs(_ item: Item, _ target: RestoreTarget) throws(BackupProblem) {
    let lists = [
      (item.aclAccess, ExtendedAttribute.accessList), (item.aclDefault, ExtendedAttribute.defaultList),
    ]
    for (text, attribute) in lists {
      guard let text else { continue }
      guard let list = AccessControlList(text: text, users: users, numericIDs: numericIDs) else {
        throw .system(operation: "attrs", SystemError(code: EINVAL))
      }
      let name = attribute.map { CChar(bitPattern: $0) } + [0]
      if handle(target).setAttribute(name, list.kernelForm) != 0, errno != ENOTSUP { throw .last("attrs") }
    }
  }

  private func restoreTimes(_ item: Item, _ target: RestoreTarget) {
    let times = [timespec(nanoseconds: item.atime ?? item.mtime), timespec(nanoseconds: item.mtime)]
    switch target {
    case .descriptor(let descriptor): _ = futimens(descriptor, times)
    case .entry(let directory, let name): _ = utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW)
    }
  }

  private func restoreFlags(_ wanted: UInt64, _ item: Item, _ target: RestoreTarget) {
    switch target {
    case .descriptor(let descriptor): FileFlags.write(wanted, to: descriptor)
    case .entry(let directory, let name):
      guard item.type == FileType.fifo || item.isDirectory else { return }
      let descriptor = clinux_openat(directory, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0)
      guard descriptor >= 0 else { return }
      FileFlags.write(wanted, to: descriptor)
      close(descriptor)
    }
  }
}

extension timespec {
  fileprivate init(nanoseconds: Int64) {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    self.init(tv_sec: Int(rest < 0 ? seconds - 1 : seconds), tv_nsec: Int(rest < 0 ? rest + 1_000_000_000 : rest))
  }
}
