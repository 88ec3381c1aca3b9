import BorgFormat

/// A repository's key: its type and secrets, with the hashes and ciphers they feed. Immutable; secrets are wiped when
/// the last holder lets go.
public final class Key: Sendable {
  public let type: KeyType
  public let secrets: KeyBlob.Secrets?
  /// Whether manifests and archives must carry a TAM.
  public let tamRequired: Bool
  /// The decrypting passphrase was empty: such a repokey repository counts as not encrypted.
  public let passphraseWasEmpty: Bool

  /// `secrets` nil only for `plaintext` (and for authenticated types under the workaround authenticated_no_key,
  /// where ids and TAMs are not checked). Throws `KeyError.invalidData` when a secret has the wrong size.
  public init(type: KeyType, secrets: KeyBlob.Secrets?, tamRequired: Bool, passphraseWasEmpty: Bool = false) throws {
    fatalError("contract: BorgObjects")
  }

  /// Fresh random secrets for `type`.
  public static func generate(type: KeyType, repositoryID: ChunkID) throws -> Key {
    fatalError("contract: BorgObjects")
  }

  public var chunkSeed: Int32 { secrets?.chunkSeed ?? 0 }
  /// keys.md section 7: false for none and authenticated, and for repokey with an empty passphrase.
  public var isLogicallyEncrypted: Bool { fatalError("contract: BorgObjects") }
  /// The id of a plaintext.
  public func id(of plaintext: UnsafeRawBufferPointer) -> ChunkID { fatalError("contract: BorgObjects") }
  /// The 64-byte TAM key (archives.md section 3) for `context` "manifest" or "archive".
  public func tamKey(salt: [UInt8], context: String) -> [UInt8] { fatalError("contract: BorgObjects") }

  /// Opens a key blob with a passphrase: nil when the passphrase is wrong.
  public static func open(
    _ blob: KeyBlob, passphrase: [UInt8], type: KeyType, tamRequiredDefault: Bool
  ) throws -> Key? { fatalError("contract: BorgObjects") }
  /// Seals the secrets under a passphrase: fresh salt, 100000 iterations. Nil for `plaintext`.
  public func sealed(passphrase: [UInt8]) -> KeyBlob? { fatalError("contract: BorgObjects") }
  /// The secrets of legacy passphrase mode (keys.md 9.6).
  public static func legacyPassphrase(_ passphrase: [UInt8], repositoryID: ChunkID) -> KeyBlob.Secrets {
    fatalError("contract: BorgObjects")
  }
}

/// What can be wrong with a key itself; where keys are kept and found is BorgArchive's matter.
public enum KeyError: Error, Equatable {
  case invalidData
  case unsupportedVersion(String)
}
