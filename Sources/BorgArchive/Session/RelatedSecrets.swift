import BorgFormat
import BorgObjects

/// `id_key` and `chunk_seed` of another repository (keys.md 9.5), so that both give the same chunks the same ids.
public struct RelatedSecrets: Sendable {
  public var idKey: [UInt8]
  public var chunkSeed: Int32
  public var keyName: String

  /// Throws `ArchiveError.command` for bad JSON, version or hex.
  public init(parsing json: [UInt8], path: String) throws {
    guard let root = try? JSONValue(parsing: String(decoding: json, as: UTF8.self)), case .object = root else {
      throw ArchiveError.command("Invalid JSON in related secrets file: \(path)")
    }
    guard root["version"] == .int(1) else {
      let version = root["version"].map { $0.text() } ?? "None"
      throw ArchiveError.command("Unsupported related secrets version: \(version)")
    }
    guard case .string(let hex) = root["id_key"], let idKey = Hex.decode(hex) else {
      throw ArchiveError.command("Invalid id_key in related secrets file: \(path)")
    }
    guard case .int(let seed) = root["chunk_seed"], let chunkSeed = Int32(exactly: seed) else {
      throw ArchiveError.command("Invalid chunk_seed in related secrets file: \(path)")
    }
    guard case .string(let keyName) = root["key_name"] else {
      throw ArchiveError.command("Invalid key_name in related secrets file: \(path)")
    }
    self.idKey = idKey
    self.chunkSeed = chunkSeed
    self.keyName = keyName
  }

  /// Puts these secrets into a fresh key's. Throws when the id hash would be another one.
  func applied(to secrets: KeyBlob.Secrets, of type: KeyType) throws -> KeyBlob.Secrets {
    let other = KeyType.allCases.first { $0 != .passphrase && $0.displayName == keyName }
    guard let other, other.idHash == type.idHash else {
      throw ArchiveError.plain("You must keep the same ID hash (HMAC-SHA256 or BLAKE2b) or deduplication will break.")
    }
    var secrets = secrets
    secrets.idKey = idKey
    secrets.chunkSeed = chunkSeed
    return secrets
  }
}
