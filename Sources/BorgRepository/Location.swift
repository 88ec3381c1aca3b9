/// Where a repository is, and which archive in it (cli.md 1.6). Placeholders are expanded before parsing.
public struct Location: Sendable, Equatable {
  public enum Host: Sendable, Equatable {
    case local
    case ssh(user: String?, host: String, port: Int?)
  }

  public var host: Host
  /// As given, normalised; not made absolute. Bytes that are not UTF-8 stay as they are.
  public var path: [UInt8]
  public var archive: [UInt8]?

  /// Nil when the text is no location. `defaultRepository` is BORG_REPO's text, for empty text, `::` and `::archive`.
  public init?(parsing text: [UInt8], defaultRepository: [UInt8]?) { fatalError("contract: BorgRepository") }

  public var isLocal: Bool { host == .local }
  /// Canonical text without the archive: absolute path, or `ssh://[user@]host[:port]/path`.
  public var canonicalPath: String { fatalError("contract: BorgRepository") }
  /// Canonical text with `::archive` when there is one.
  public var canonicalText: String { fatalError("contract: BorgRepository") }
  /// The name for a new key file (keys.md 6.2).
  public var keyFileName: String { fatalError("contract: BorgRepository") }
  public func with(archive: [UInt8]?) -> Location { fatalError("contract: BorgRepository") }
}
