import BorgSystem
import Glibc

/// What a mount leaves behind whose process died: every access says "transport endpoint is not connected".
enum DeadMountPoint {
  /// Takes away the dead mount of this program at a path. False: there is none, or it will not go.
  static func remove(at path: [UInt8]) throws -> Bool {
    guard isOurs(path), try isDisconnected(path) else { return false }
    if try Files.withPath(path, { umount2($0, Int32(MNT_DETACH)) }) == 0 { return true }
    for tool in ["fusermount3", "fusermount"] {
      let text = String(decoding: path, as: UTF8.self)
      let child = try? ChildProcess([tool, "-u", "-z", text], environment: .current())
      if let child, try child.wait() == 0 { return true }
    }
    return false
  }

  /// Attributes will not tell: the kernel may know the root's still. It keeps nothing of what statfs(2) answers.
  private static func isDisconnected(_ path: [UInt8]) throws -> Bool {
    var status = statvfs()
    return try Files.withPath(path) { statvfs($0, &status) } != 0 && (errno == ENOTCONN || errno == ECONNABORTED)
  }

  /// Whether the last mount at this path is one of borgfs. In /proc/self/mountinfo the fifth word of a line is the
  /// mount point, and after a dash come file system type and source; blanks and the like are octal there.
  private static func isOurs(_ path: [UInt8]) -> Bool {
    guard let mounts = try? Files.read(Array("/proc/self/mountinfo".utf8)) else { return false }
    var isOurs = false
    for line in mounts.split(separator: UInt8(ascii: "\n")) {
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count > 8, unescaped(words[4]) == path,
        let dash = words.lastIndex(where: { $0.elementsEqual("-".utf8) }), dash + 2 < words.count
      else { continue }
      let (type, source) = (words[dash + 1], words[dash + 2])
      isOurs =
        type.elementsEqual("fuse.borgfs".utf8) || type.elementsEqual("fuse".utf8) && source.elementsEqual("borgfs".utf8)
    }
    return isOurs
  }

  private static func unescaped(_ word: ArraySlice<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    var rest = word
    while let byte = rest.popFirst() {
      let digits = rest.prefix(3)
      guard byte == UInt8(ascii: "\\"), digits.count == 3,
        let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 8)
      else {
        result.append(byte)
        continue
      }
      result.append(code)
      rest = rest.dropFirst(3)
    }
    return result
  }
}
