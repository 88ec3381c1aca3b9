/// Borg's encryption modes: one row per type byte (keys.md section 1).
public enum KeyType: UInt8, Sendable, CaseIterable {
  case keyfile = 0x00
  case passphrase = 0x01
  case plaintext = 0x02
  case repokey = 0x03
  case blake2Keyfile = 0x04
  case blake2Repokey = 0x05
  case blake2Authenticated = 0x06
  case authenticated = 0x07

  public enum IDHash: Sendable { case sha256, hmacSHA256, blake2b }
  public enum Storage: Sendable { case none, repository, keyfile }

  /// The modes that `init` offers, in Borg's order. Passphrase mode is only read.
  public static let creatable: [KeyType] = [
    .plaintext, .keyfile, .repokey, .authenticated, .blake2Keyfile, .blake2Repokey, .blake2Authenticated,
  ]

  private struct Row {
    var modeName: String
    var displayName: String
    var idHash: IDHash
    var encrypts: Bool
    var storage: Storage
  }

  private var row: Row {
    func row(_ mode: String, _ display: String, _ hash: IDHash, _ encrypts: Bool, _ storage: Storage) -> Row {
      Row(modeName: mode, displayName: display, idHash: hash, encrypts: encrypts, storage: storage)
    }
    return switch self {
    case .plaintext: row("none", "plaintext", .sha256, false, .none)
    case .authenticated: row("authenticated", "authenticated", .hmacSHA256, false, .repository)
    case .blake2Authenticated: row("authenticated-blake2", "authenticated BLAKE2b", .blake2b, false, .repository)
    case .repokey: row("repokey", "repokey", .hmacSHA256, true, .repository)
    case .keyfile: row("keyfile", "key file", .hmacSHA256, true, .keyfile)
    case .blake2Repokey: row("repokey-blake2", "repokey BLAKE2b", .blake2b, true, .repository)
    case .blake2Keyfile: row("keyfile-blake2", "key file BLAKE2b", .blake2b, true, .keyfile)
    case .passphrase: row("passphrase", "passphrase", .hmacSHA256, true, .none)
    }
  }

  /// The name in `--encryption` and in JSON: `none`, `repokey-blake2`, …
  public var modeName: String { row.modeName }
  /// The name `info` shows: `plaintext`, `repokey BLAKE2b`, …
  public var displayName: String { row.displayName }
  /// Nil for a name that `init` does not offer.
  public init?(modeName: String) {
    guard let type = Self.creatable.first(where: { $0.modeName == modeName }) else { return nil }
    self = type
  }

  public var idHash: IDHash { row.idHash }
  public var encrypts: Bool { row.encrypts }
  public var storage: Storage { row.storage }

  /// Whether objects carry no encryption but ids and TAMs are keyed.
  public var isAuthenticatedOnly: Bool { self == .authenticated || self == .blake2Authenticated }

  /// The type bytes whose objects a key of this type reads (repokey types also read 0x01).
  public func accepts(_ typeByte: UInt8) -> Bool {
    if typeByte == rawValue { return true }
    return typeByte == KeyType.passphrase.rawValue && (self == .repokey || self == .blake2Repokey)
  }

  /// The size of the id key and the envelope MAC key, in bytes.
  var macKeySize: Int { idHash == .blake2b ? 128 : 32 }
}
