import BorgFormat
import BorgSystem
import Glibc

/// Who holds a lock: host, process and thread (repository.md 17.1). Our own thread number is always 0.
struct LockHolder: Hashable, Sendable {
  var host: String
  var pid: Int64
  var thread: Int64

  init(host: String, pid: Int64, thread: Int64 = 0) {
    self.host = host
    self.pid = pid
    self.thread = thread
  }

  /// This process on this host.
  static func current(_ environment: Environment) -> LockHolder {
    LockHolder(host: environment.hostID, pid: Int64(getpid()))
  }

  /// `host.pid-thread`, the thread in hexadecimal.
  var fileName: [UInt8] { Array("\(host).\(pid)-\(String(thread, radix: 16))".utf8) }

  /// Parsed from the right: host names may hold dots and hyphens. Nil when malformed.
  init?(fileName: [UInt8]) {
    guard let hyphen = fileName.lastIndex(of: UInt8(ascii: "-")),
      let dot = fileName[..<hyphen].lastIndex(of: UInt8(ascii: ".")),
      let pid = Int64(String(decoding: fileName[(dot + 1)..<hyphen], as: UTF8.self)),
      let thread = Int64(String(decoding: fileName[(hyphen + 1)...], as: UTF8.self), radix: 16)
    else { return nil }
    self.init(host: String(decoding: fileName[..<dot], as: UTF8.self), pid: pid, thread: thread)
  }

  /// A roster entry `[host, pid, thread]`. Nil when it is shaped otherwise.
  init?(json: JSONValue) {
    guard case .array(let fields) = json, fields.count == 3, case .string(let host) = fields[0],
      case .int(let pid) = fields[1], case .int(let thread) = fields[2]
    else { return nil }
    self.init(host: host, pid: pid, thread: thread)
  }

  var json: JSONValue { .array([.string(host), .int(pid), .int(thread)]) }

  /// False only when we can know that the holder is gone: a process of this host that no longer exists.
  func mayBeAlive(seenFrom host: String) -> Bool {
    guard self.host == host, thread == 0, let process = pid_t(exactly: pid), process > 0 else { return true }
    return kill(process, 0) == 0 || errno != ESRCH
  }
}
