import BorgSystem
import Glibc

/// Whether a mount may be shown to other users than the one who makes it: FUSE's own tool refuses that to all but root
/// unless the system's settings allow it, and does not say where they are.
extension MountOptions {
  private static let settings = ["/etc/fuse.conf", "/usr/local/etc/fuse.conf"]

  /// Throws `MountError.otherUsersRefused` where it is certain that the mount will be.
  public func checkOtherUsers() throws(MountError) {
    try checkOtherUsers(uid: getuid()) { try? Files.read(Array($0.utf8)) }
  }

  /// `read` gives the bytes of a file of settings; nil: there is none that can be read.
  func checkOtherUsers(uid: UInt32, read: (_ path: String) -> [UInt8]?) throws(MountError) {
    guard uid != 0, let option = passedOn.first(where: { $0 == "allow_other" || $0 == "allow_root" }) else { return }
    let texts = MountOptions.settings.compactMap(read)
    guard !texts.isEmpty, !texts.contains(where: MountOptions.allowsOtherUsers) else { return }
    throw .otherUsersRefused(option: option)
  }

  private static func allowsOtherUsers(_ settings: [UInt8]) -> Bool {
    settings.split(separator: UInt8(ascii: "\n")).contains { line in
      let words = line.prefix { $0 != UInt8(ascii: "#") }.split { $0 <= UInt8(ascii: " ") }
      return words.count == 1 && words[0].elementsEqual("user_allow_other".utf8)
    }
  }
}
