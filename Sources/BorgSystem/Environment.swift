import Glibc

/// The process's surroundings as Borg reads them: variables and the directories they name. Passed in, never global.
public struct Environment: Sendable {
  public var variables: [String: String]

  public init(variables: [String: String]) {
    self.variables = variables
  }

  /// The variables of this process.
  public static func current() -> Environment {
    fatalError("contract: BorgSystem")
  }

  public subscript(name: String) -> String? { variables[name] }

  /// The variable's value unless unset or empty.
  public func nonEmpty(_ name: String) -> String? {
    guard let value = variables[name], !value.isEmpty else { return nil }
    return value
  }

  // Directories (caches.md section 1), not created.
  public var baseDirectory: String { fatalError("contract: BorgSystem") }
  public var configDirectory: String { fatalError("contract: BorgSystem") }
  public var cacheDirectory: String { fatalError("contract: BorgSystem") }
  public var keysDirectory: String { fatalError("contract: BorgSystem") }
  public var securityDirectory: String { fatalError("contract: BorgSystem") }

  /// Creates them on first use, with the umask's modes; a new cache directory gets its CACHEDIR.TAG.
  public func ensureDirectory(_ path: String) throws { fatalError("contract: BorgSystem") }
  public func ensureCacheDirectory() throws -> String { fatalError("contract: BorgSystem") }

  /// `BORG_HOSTNAME`, or the host name up to its first dot.
  public var hostname: String { fatalError("contract: BorgSystem") }
  /// The canonical name from the resolver, else the host name.
  public var fullyQualifiedHostname: String { fatalError("contract: BorgSystem") }
  /// `BORG_USERNAME`, LOGNAME, USER, LNAME, USERNAME, or the passwd name (archives.md section 4).
  public var username: String { fatalError("contract: BorgSystem") }
  /// `BORG_HOST_ID`, or fqdn@node as Python's uuid.getnode() gives it (repository.md 17.1).
  public var hostID: String { fatalError("contract: BorgSystem") }
}
