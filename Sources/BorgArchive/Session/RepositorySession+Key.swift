import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Saving an open key again (keys.md 9.1 and 9.5).
extension RepositorySession {
  /// Where the key is kept, as messages call it.
  public var keyLocation: String { keyTarget ?? repository.location.canonicalPath }

  /// Asks for a new passphrase and saves the key under it where it came from. Throws `ArchiveError.command` when
  /// there is no key.
  public func changePassphrase() throws {
    guard key.type.storage != .none else {
      throw ArchiveError.command("This repository is not encrypted, cannot change the passphrase.")
    }
    try requireKey()
    try save(key, passphrase: try Passphrases(context: context).new())
  }

  /// The secrets that a related repository shares with this one, as JSON.
  public func relatedSecrets() throws -> String {
    try requireKey()
    guard let secrets = key.secrets else { throw ArchiveError.unencryptedRepo }
    let object: [(key: String, value: JSONValue)] = [
      ("version", .int(1)), ("id_key", .string(Hex.encode(secrets.idKey))),
      ("chunk_seed", .int(Int64(secrets.chunkSeed))), ("key_name", .string(key.type.displayName)),
    ]
    return JSONValue.object(object).text(indent: "    ") + "\n"
  }

  private func save(_ key: Key, passphrase: [UInt8]) throws {
    guard let blob = key.sealed(passphrase: passphrase) else { preconditionFailure("a kept key has secrets") }
    let store = KeyStore(repository: repository, environment: context.environment)
    try store.replace(KeyStore.Found(text: [], target: keyLocation, path: keyTarget), with: blob)
  }
}

/// The three places that say whether a manifest must carry a TAM (archives.md section 9).
extension RepositorySession {
  public var manifestRequiresTAM: Bool { manifest.data.configValue("tam_required") == .bool(true) }
  /// Nil: there is no key that could say.
  public var keyRequiresTAM: Bool? { key.type.storage == .none ? nil : key.tamRequired }

  /// Writes the manifest (not committed), saying whether its TAM is required.
  public func writeManifest(requiringTAM: Bool) throws {
    try writeManifest(tamRequired: requiringTAM)
  }

  /// Saves the key under its passphrase, saying whether the manifest's TAM is required. The session must have been
  /// opened with a trust that keeps the passphrase; its own key stays as it is.
  public func saveKey(requiringTAM: Bool) throws {
    try requireKey()
    guard let passphrase else { preconditionFailure("the session was opened without keeping the passphrase") }
    let changed = try Key(
      type: key.type, secrets: key.secrets, tamRequired: requiringTAM, passphraseWasEmpty: key.passphraseWasEmpty)
    try save(changed, passphrase: passphrase)
  }
}
