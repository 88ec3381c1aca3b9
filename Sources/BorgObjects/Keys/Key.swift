import BorgFormat
import CSodium

/// A repository's key: its type and secrets, with the hashes and ciphers they feed. Immutable; secrets are wiped when
/// the last holder lets go.
public final class Key: Sendable {
  public let type: KeyType
  /// Whether manifests and archives must carry a TAM.
  public let tamRequired: Bool
  /// The decrypting passphrase was empty: such a repokey repository counts as not encrypted.
  public let passphraseWasEmpty: Bool
  public let chunkSeed: Int32

  let material: KeyMaterial
  private let repositoryID: [UInt8]
  private let blobTAMRequired: Bool?
  private let hasSecrets: Bool

  /// `secrets` nil only for `plaintext` (and for authenticated types under the workaround authenticated_no_key,
  /// where ids and TAMs are not checked). Throws `KeyError.invalidData` when a secret has the wrong size.
  public init(type: KeyType, secrets: KeyBlob.Secrets?, tamRequired: Bool, passphraseWasEmpty: Bool = false) throws {
    guard secrets != nil || !type.encrypts else { throw KeyError.invalidData }
    if let secrets {
      guard secrets.encryptionKey.count == 32, secrets.envelopeMACKey.count == type.macKeySize,
        secrets.idKey.count == type.macKeySize
      else { throw KeyError.invalidData }
    }
    self.type = type
    self.tamRequired = tamRequired
    self.passphraseWasEmpty = passphraseWasEmpty
    chunkSeed = secrets?.chunkSeed ?? 0
    hasSecrets = secrets != nil
    repositoryID = secrets?.repositoryID ?? []
    blobTAMRequired = secrets?.tamRequired
    let zeros = [UInt8](repeating: 0, count: type.macKeySize)
    material = KeyMaterial(
      encryptionKey: secrets?.encryptionKey ?? [UInt8](repeating: 0, count: 32),
      macKey: secrets?.envelopeMACKey ?? zeros, idKey: secrets?.idKey ?? zeros, hash: type.idHash)
  }

  /// Fresh random secrets for `type`.
  public static func generate(type: KeyType, repositoryID: ChunkID) throws -> Key {
    guard type != .plaintext else { return try Key(type: type, secrets: nil, tamRequired: false) }
    var secrets = KeyBlob.Secrets(
      drawing: Digest.randomBytes(100), repositoryID: repositoryID.bytes, tamRequired: true)
    if type.idHash == .blake2b {
      let zeros = [UInt8](repeating: 0, count: 64)
      secrets.envelopeMACKey = Digest.randomBytes(64) + zeros
      secrets.idKey = Digest.randomBytes(64) + zeros
    }
    return try Key(type: type, secrets: secrets, tamRequired: true)
  }

  /// A copy of the secrets, made from locked memory; keep it no longer than needed.
  public var secrets: KeyBlob.Secrets? {
    guard hasSecrets else { return nil }
    return KeyBlob.Secrets(
      repositoryID: repositoryID, encryptionKey: Array(material.encryptionKey), envelopeMACKey: Array(material.macKey),
      idKey: Array(material.idKey), chunkSeed: chunkSeed, tamRequired: blobTAMRequired)
  }

  /// False under the workaround authenticated_no_key: ids and TAMs then cannot be checked.
  public var checksAuthenticity: Bool { hasSecrets || type == .plaintext }

  /// keys.md section 7: false for none and authenticated, and for repokey with an empty passphrase.
  public var isLogicallyEncrypted: Bool {
    type.encrypts && !(type.storage == .repository && passphraseWasEmpty)
  }

  /// The id of a plaintext.
  public func id(of plaintext: UnsafeRawBufferPointer) -> ChunkID { material.idHash.id(of: plaintext) }

  /// 64 bytes that follow from all secrets and the salt, for records in caches. In mode none they follow from the salt.
  func recordKey(salt: [UInt8]) -> [UInt8] {
    var secrets = Array(material.idKey) + Array(material.encryptionKey) + Array(material.macKey)
    secrets += Array("borgfs-cache-records".utf8)
    defer { secrets.withUnsafeMutableBytes { SecretMemory.wipe($0) } }
    return secrets.withUnsafeBytes { Digest.hmacSHA512(key: salt, $0) }
  }

  /// The 64-byte TAM key (archives.md section 3) for `context` "manifest" or "archive". In mode none it is the salt
  /// and the context: no secret, and of another length.
  public func tamKey(salt: [UInt8], context: String) -> [UInt8] {
    guard type != .plaintext else { return salt + Array(context.utf8) }
    var secrets = Array(material.idKey) + Array(material.encryptionKey) + Array(material.macKey)
    var root = secrets.withUnsafeBytes { Digest.hmacSHA512(key: salt, $0) }
    defer {
      secrets.withUnsafeMutableBytes { SecretMemory.wipe($0) }
      root.withUnsafeMutableBytes { SecretMemory.wipe($0) }
    }
    let message = Array("borg-metadata-authentication-\(context)".utf8) + [1]
    return message.withUnsafeBytes { Digest.hmacSHA512(key: root, $0) }
  }
}

/// What can be wrong with a key itself; where keys are kept and found is BorgArchive's matter.
public enum KeyError: Error, Equatable {
  case invalidData
  case unsupportedVersion(String)
}

/// A key's secrets and the hash states made from them, all in one locked piece of memory.
final class KeyMaterial: @unchecked Sendable {
  // Unchecked: everything is written in init and only read afterwards.
  private let memory: SecretMemory
  let encryptionKey: UnsafeRawBufferPointer
  let macKey: UnsafeRawBufferPointer
  let idKey: UnsafeRawBufferPointer
  let idHash: KeyedHash
  /// The envelope's MAC; in unencrypted modes nobody asks for it.
  let macHash: KeyedHash

  init(encryptionKey: [UInt8], macKey: [UInt8], idKey: [UInt8], hash: KeyType.IDHash) {
    let stateSize = (KeyedHash.stateSize + 63) & ~63
    let memory = SecretMemory(count: 2 * stateSize + encryptionKey.count + macKey.count + idKey.count)
    var offset = 2 * stateSize
    func keep(_ secret: [UInt8]) -> UnsafeRawBufferPointer {
      let place = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[offset..<offset + secret.count])
      place.copyBytes(from: secret)
      offset += secret.count
      return UnsafeRawBufferPointer(place)
    }
    self.memory = memory
    self.encryptionKey = keep(encryptionKey)
    self.macKey = keep(macKey)
    self.idKey = keep(idKey)
    idHash = KeyedHash(hash, key: idKey, in: UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<stateSize]))
    macHash = KeyedHash(
      hash, key: macKey, in: UnsafeMutableRawBufferPointer(rebasing: memory.bytes[stateSize..<2 * stateSize]))
  }
}
