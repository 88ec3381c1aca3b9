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

  /// The name in `--encryption` and in JSON: `none`, `repokey-blake2`, …
  public var modeName: String { fatalError("contract: BorgObjects") }
  /// The name `info` shows: `plaintext`, `repokey BLAKE2b`, …
  public var displayName: String { fatalError("contract: BorgObjects") }
  public init?(modeName: String) { fatalError("contract: BorgObjects") }
  public var idHash: IDHash { fatalError("contract: BorgObjects") }
  public var encrypts: Bool { fatalError("contract: BorgObjects") }
  public var storage: Storage { fatalError("contract: BorgObjects") }
  /// The type bytes whose objects a key of this type reads (repokey types also read 0x01).
  public func accepts(_ typeByte: UInt8) -> Bool { fatalError("contract: BorgObjects") }
}
