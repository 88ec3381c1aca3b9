import CLinux
import Glibc
import Synchronization

/// Names of users and groups and back, remembered: archives ask for the same few again and again.
public final class Users: Sendable {
  private struct Memory {
    var userNames: [uid_t: [UInt8]?] = [:]
    var groupNames: [gid_t: [UInt8]?] = [:]
    var userIDs: [[UInt8]: uid_t?] = [:]
    var groupIDs: [[UInt8]: gid_t?] = [:]
  }

  private let memory = Mutex(Memory())
  /// Longer ones nobody has, and hostile archives could have very much memory taken for them.
  private static let maximumNameLength = 256

  public init() {}

  /// Nil when the id has no name.
  public func userName(_ uid: uid_t) -> [UInt8]? {
    memory.withLock { memory in
      remembered(&memory.userNames, uid) { withPasswd({ getpwuid_r(uid, $0, $1, $2, $3) }) { bytes($0.pw_name) } }
    }
  }

  public func groupName(_ gid: gid_t) -> [UInt8]? {
    memory.withLock { memory in
      remembered(&memory.groupNames, gid) { withGroup({ getgrgid_r(gid, $0, $1, $2, $3) }) { bytes($0.gr_name) } }
    }
  }

  public func userID(_ name: [UInt8]) -> uid_t? {
    guard name.count <= Users.maximumNameLength else { return nil }
    return memory.withLock { memory in
      remembered(&memory.userIDs, name) {
        withName(name) { name in withPasswd({ getpwnam_r(name, $0, $1, $2, $3) }) { $0.pw_uid } }
      }
    }
  }

  public func groupID(_ name: [UInt8]) -> gid_t? {
    guard name.count <= Users.maximumNameLength else { return nil }
    return memory.withLock { memory in
      remembered(&memory.groupIDs, name) {
        withName(name) { name in withGroup({ getgrnam_r(name, $0, $1, $2, $3) }) { $0.gr_gid } }
      }
    }
  }

  /// Home directories from the password database.
  public func home(of uid: uid_t) -> String? {
    withPasswd({ getpwuid_r(uid, $0, $1, $2, $3) }) { $0.pw_dir.map { String(cString: $0) } }
  }

  public func home(ofUser name: String) -> String? {
    withPasswd({ getpwnam_r(name, $0, $1, $2, $3) }) { $0.pw_dir.map { String(cString: $0) } }
  }

  private func remembered<Key, Value>(
    _ memory: inout [Key: Value?], _ key: Key, _ look: () -> Value?
  ) -> Value? {
    if let known = memory[key] { return known }
    let value = look()
    // A hostile archive may name any number of owners.
    if memory.count >= 100_000 { memory.removeAll() }
    memory.updateValue(value, forKey: key)
    return value
  }

  private func bytes(_ text: UnsafeMutablePointer<CChar>?) -> [UInt8]? {
    text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
  }

  private func withName<R>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> R?) -> R? {
    (try? Files.withPath(name, body)) ?? nil
  }

  private func withPasswd<R>(
    _ call: (
      UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
      UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32, _ body: (passwd) -> R?
  ) -> R? {
    lookUp(passwd(), call, body)
  }

  private func withGroup<R>(
    _ call: (
      UnsafeMutablePointer<group>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<group>?>
    ) -> Int32, _ body: (group) -> R?
  ) -> R? {
    lookUp(group(), call, body)
  }

  /// Calls one of the get…_r functions with a buffer that grows until the entry fits.
  private func lookUp<Entry, R>(
    _ empty: Entry,
    _ call: (
      UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>
    ) -> Int32, _ body: (Entry) -> R?
  ) -> R? {
    var size = 1024
    while size <= 1 << 20 {
      var entry = empty
      var found: UnsafeMutablePointer<Entry>?
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
      defer { buffer.deallocate() }
      let code = call(&entry, buffer, size, &found)
      if code == 0 { return found == nil ? nil : body(entry) }
      guard code == ERANGE else { return nil }
      size *= 4
    }
    return nil
  }
}
