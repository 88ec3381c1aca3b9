import BorgFormat
import BorgSystem
import Glibc

/// Reads extended attributes, reusing its buffers. Not for two threads.
final class ExtendedAttributeReader {
  struct Found {
    var attributes: [ExtendedAttribute] = []
    /// Whether the list names an access or default ACL: the cheap test whether ACL work is needed at all.
    var hasACL = false
  }

  private static let aclPrefix = Array("system.posix_acl_".utf8)
  /// The kernel's limit for a list and for a value.
  private var list = [UInt8](repeating: 0, count: 65_536)
  private var value = [UInt8](repeating: 0, count: 65_536)
  private let monitor: any Monitor
  private var missesProc = false

  init(monitor: any Monitor) {
    self.monitor = monitor
  }

  /// All attributes but ACLs; `wantsValues` false only looks for ACLs. Names that vanish meanwhile are skipped, others
  /// that cannot be read give a warning without exit code. No support, or no permission: none. Without /proc, as in a
  /// rescue system, none of what cannot be opened, and a warning once.
  func read(_ file: FileHandle, wantsValues: Bool) throws(BackupProblem) -> Found {
    var found = Found()
    let length = listNames(of: file)
    if length == 0 { return found }
    guard length > 0 else {
      if errno == ENOTSUP || errno == EPERM { return found }
      let problem = BackupProblem.last("extended stat (xattrs)")
      guard file.isOutOfReach else { throw problem }
      noteMissingProc()
      return found
    }
    var start = 0
    for index in 0..<length where list[index] == 0 {
      let name = list[start..<index]
      defer { start = index + 1 }
      if name.isEmpty { continue }
      if name.starts(with: Self.aclPrefix) {
        found.hasACL = true
      } else if wantsValues, let value = value(of: Array(name), in: file) {
        found.attributes.append(ExtendedAttribute(name: Array(name), value: value))
      }
    }
    return found
  }

  private func noteMissingProc() {
    guard !missesProc else { return }
    missesProc = true
    monitor.log(
      LogRecord(
        .warning, logger: "borg.xattr",
        "/proc is not mounted: extended attributes of symlinks, FIFOs and devices are not stored.", warningCode: 1))
  }

  /// Offers little room first: the kernel allocates what it is offered, and few files have many attributes.
  private func listNames(of file: FileHandle) -> Int {
    list.withUnsafeMutableBytes { list in
      let length = file.listAttributes(into: UnsafeMutableRawBufferPointer(rebasing: list[..<256]))
      return length < 0 && errno == ERANGE ? file.listAttributes(into: list) : length
    }
  }

  /// One attribute's value; nil when it is not there or cannot be read.
  func value(of name: [UInt8], in file: FileHandle) -> [UInt8]? {
    var cName = name.map { CChar(bitPattern: $0) }
    cName.append(0)
    let length = value.withUnsafeMutableBytes { file.attribute(cName, into: $0) }
    if length >= 0 { return Array(value[0..<length]) }
    let error = SystemError.last()
    if error.code != ENODATA {
      monitor.note("when getting extended attribute \(displayText(name)): \(error)", logger: "borg.xattr")
    }
    return nil
  }
}

/// Writes extended attributes. Failures become warnings (rc 1) in Borg's words, with the path.
func restoreExtendedAttributes(
  _ attributes: [ExtendedAttribute], of path: [UInt8], to file: FileHandle, monitor: any Monitor
) {
  for attribute in attributes {
    var name = attribute.name.map { CChar(bitPattern: $0) }
    name.append(0)
    guard !attribute.name.contains(0), file.setAttribute(name, attribute.value) == 0 else {
      let error = attribute.name.contains(0) ? SystemError(code: EINVAL, path: path) : SystemError.last(path)
      let reason =
        switch error.code {
        case E2BIG: "too big for this filesystem (\(error))"
        case ENOSPC: "fs full or xattr too big? [xattr len = \(attribute.value.count)] (\(error))"
        default: "\(error)"
        }
      monitor.log(
        LogRecord(
          .warning, logger: "borg.xattr",
          "when setting extended attribute \(displayText(attribute.name)): \(reason)", warningCode: 1))
      continue
    }
  }
}
