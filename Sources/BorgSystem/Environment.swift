import CLinux
import Glibc

/// The process's surroundings as Borg reads them: variables and the directories they name. Passed in, never global.
public struct Environment: Sendable {
  public var variables: [String: String]

  public init(variables: [String: String]) {
    self.variables = variables
  }

  /// The variables of this process. Of a name that occurs twice the first counts, as for getenv.
  public static func current() -> Environment {
    var variables: [String: String] = [:]
    var next = Glibc.environ
    while let entry = next.pointee {
      if let (name, value) = variable(UnsafeRawBufferPointer(start: entry, count: strlen(entry))),
        variables[name] == nil
      {
        variables[name] = value
      }
      next += 1
    }
    return Environment(variables: variables)
  }

  /// Split as bytes: what follows the sign may join it to one character.
  static func variable(_ entry: UnsafeRawBufferPointer) -> (name: String, value: String)? {
    guard let equals = entry.firstIndex(of: 0x3D) else { return nil }
    return (
      String(decoding: entry[..<equals], as: UTF8.self), String(decoding: entry[(equals + 1)...], as: UTF8.self)
    )
  }

  public subscript(name: String) -> String? { variables[name] }

  /// The variable's value unless unset or empty.
  public func nonEmpty(_ name: String) -> String? {
    guard let value = variables[name], !value.isEmpty else { return nil }
    return value
  }
}

/// The directories of caches.md section 1, not created.
extension Environment {
  public var baseDirectory: String {
    if let base = nonEmpty("BORG_BASE_DIR") { return base }
    if let home = nonEmpty("HOME") {
      let belongsToRoot = geteuid() != 0 && home == Users().home(of: 0)
      if !belongsToRoot { return home }
      return Users().home(of: geteuid()) ?? home
    }
    if let user = nonEmpty("USER"), let home = Users().home(ofUser: user) { return home }
    return Users().home(of: geteuid()) ?? "~"
  }

  public var configDirectory: String { directory("BORG_CONFIG_DIR", xdg: "XDG_CONFIG_HOME", below: ".config") }
  public var cacheDirectory: String { directory("BORG_CACHE_DIR", xdg: "XDG_CACHE_HOME", below: ".cache") }
  public var keysDirectory: String { variables["BORG_KEYS_DIR"] ?? "\(configDirectory)/keys" }
  public var securityDirectory: String { variables["BORG_SECURITY_DIR"] ?? "\(configDirectory)/security" }

  private func directory(_ variable: String, xdg: String, below: String) -> String {
    if let directory = variables[variable] { return directory }
    if nonEmpty("BORG_BASE_DIR") == nil, let home = nonEmpty(xdg) { return "\(home)/borg" }
    return "\(baseDirectory)/\(below)/borg"
  }

  /// Creates the directory and its parents where they are missing, with the umask's modes.
  public func ensureDirectory(_ path: String) throws {
    try Files.makeDirectories(Array(path.utf8))
  }

  /// The cache directory, created on first use with its CACHEDIR.TAG.
  public func ensureCacheDirectory() throws -> String {
    let directory = cacheDirectory
    try ensureDirectory(directory)
    let tag = Array("\(directory)/CACHEDIR.TAG".utf8)
    if !Files.exists(tag) { try Files.replace(tag, with: Array(Environment.cacheDirectoryTag.utf8)) }
    return directory
  }

  private static let cacheDirectoryTag = """
    Signature: 8a477f597d28d172789f06886806bc55
    # This file is a cache directory tag created by Borg.
    # For information about cache directory tags, see:
    #       http://www.bford.info/cachedir/spec.html

    """
}

/// Who and where we are.
extension Environment {
  /// `BORG_HOSTNAME`, or the host name up to its first dot.
  public var hostname: String {
    nonEmpty("BORG_HOSTNAME") ?? String(systemHostname.prefix { $0 != "." })
  }

  /// The canonical name from the resolver, else the host name.
  public var fullyQualifiedHostname: String {
    var hints = addrinfo()
    hints.ai_flags = AI_CANONNAME
    hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(systemHostname, nil, &hints, &list) == 0 else { return systemHostname }
    defer { freeaddrinfo(list) }
    var next = list
    while let entry = next {
      if let name = entry.pointee.ai_canonname, name.pointee != 0 { return String(cString: name) }
      next = entry.pointee.ai_next
    }
    return systemHostname
  }

  /// `BORG_USERNAME`, LOGNAME, USER, LNAME, USERNAME, or the passwd name (archives.md section 4).
  public var username: String {
    for name in ["BORG_USERNAME", "LOGNAME", "USER", "LNAME", "USERNAME"] {
      if let value = nonEmpty(name) { return value }
    }
    return Users().userName(getuid()).map { String(decoding: $0, as: UTF8.self) } ?? "\(getuid())"
  }

  /// `BORG_HOST_ID`, or fqdn@node as Python's uuid.getnode() gives it (repository.md 17.1).
  ///
  /// Without any hardware address real Borg takes a random number; we take one from the machine's id, so that our own
  /// stale locks can be told.
  public var hostID: String {
    if let id = nonEmpty("BORG_HOST_ID") { return id }
    let node = clinux_hardware_node()
    return "\(fullyQualifiedHostname)@\(node == 0 ? machineNode : UInt64(node))"
  }

  private var machineNode: UInt64 {
    let machineID = (try? Files.read(Array("/etc/machine-id".utf8), limit: 64)) ?? []
    var node: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in machineID { node = (node ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return node & 0xffff_ffff_ffff | 0x0100_0000_0000
  }

  private var systemHostname: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
