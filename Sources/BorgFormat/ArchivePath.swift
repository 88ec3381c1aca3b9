/// Paths as archives hold them (archives.md 5.3).
public enum ArchivePath {
  /// POSIX normpath on bytes: collapses `.`, `..`, `//`; keeps exactly two leading slashes; empty becomes `.`.
  public static func normalized(_ path: [UInt8]) -> [UInt8] { fatalError("contract: BorgFormat") }
  /// The stored form: loses every leading `/` and `../`; empty becomes `.`.
  public static func stored(_ path: [UInt8]) -> [UInt8] { fatalError("contract: BorgFormat") }
  /// Drops `count` leading elements; nil when nothing is left.
  public static func strippingComponents(_ count: Int, from path: [UInt8]) -> [UInt8]? {
    fatalError("contract: BorgFormat")
  }
}

/// Text for people: bytes that are not valid UTF-8 become `?`, one for each, as Borg prints them.
public func displayText(_ bytes: [UInt8]) -> String { fatalError("contract: BorgFormat") }
