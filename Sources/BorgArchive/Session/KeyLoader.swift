import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Finds a repository's mode, key and passphrase, and opens the key (keys.md sections 1, 6 and 7).
struct KeyLoader {
  let repository: any Repository
  let context: SessionContext

  struct Loaded {
    var key: Key
    /// The key file's path; nil for every other storage.
    var keyFile: String?
    /// What opened the key; empty when nothing did.
    var passphrase: [UInt8] = []
  }

  /// The mode that the first byte of a stored object tells. 0x01 stands for `repokey`: passphrase mode was migrated.
  static func type(ofObject object: [UInt8]) throws -> KeyType {
    guard let byte = object.first else { throw IntegrityError("Manifest: Invalid encryption envelope") }
    guard let type = KeyType(rawValue: byte) else { throw ArchiveError.unsupportedPayload(byte) }
    return type == .passphrase ? .repokey : type
  }

  func load(manifestObject: [UInt8]) throws -> Loaded {
    let type = try KeyLoader.type(ofObject: manifestObject)
    let store = KeyStore(repository: repository, environment: context.environment)
    guard let found = try store.find(type.storage) else {
      return Loaded(key: try Key(type: type, secrets: nil, tamRequired: false), keyFile: nil)
    }
    if !type.encrypts, context.worksAround("authenticated_no_key") {
      return Loaded(key: try Key(type: type, secrets: nil, tamRequired: false), keyFile: nil)
    }
    let opened = try open(try store.blob(found), type, target: found.target)
    return Loaded(key: opened.key, keyFile: found.path, passphrase: opened.passphrase)
  }

  /// The passphrase of an environment source is tried once; without one the empty passphrase, then three prompts.
  private func open(_ blob: KeyBlob, _ type: KeyType, target: String) throws -> (key: Key, passphrase: [UInt8]) {
    let security = SecurityManager(repositoryID: repository.id, environment: context.environment)
    let tamRequired = security.tamRequiredMarker
    func attempt(_ passphrase: [UInt8]) throws -> (key: Key, passphrase: [UInt8])? {
      try Key.open(blob, passphrase: passphrase, type: type, tamRequiredDefault: tamRequired).map { ($0, passphrase) }
    }
    let passphrases = Passphrases(context: context)
    if let passphrase = try passphrases.fromEnvironment() {
      guard let opened = try attempt(passphrase) else { throw ArchiveError.passphraseWrong }
      return opened
    }
    if let opened = try attempt([]) { return opened }
    for _ in 1...3 {
      if let opened = try attempt(try passphrases.ask("Enter passphrase for key \(target): ")) { return opened }
    }
    throw ArchiveError.passwordRetriesExceeded
  }

  /// The key of a repository in legacy passphrase mode (keys.md 9.6), derived from the passphrase alone. Nobody but
  /// `key migrate-to-repokey` opens such a repository.
  func loadLegacyPassphraseKey(manifestObject: [UInt8]) throws -> Key {
    let passphrases = Passphrases(context: context)
    let prompt = "Enter passphrase for \(repository.location.canonicalPath): "
    var passphrase = try passphrases.fromEnvironment() ?? passphrases.ask(prompt)
    for _ in 1...2 {
      let secrets = Key.legacyPassphrase(passphrase, repositoryID: repository.id)
      let key = try Key(type: .repokey, secrets: secrets, tamRequired: false, passphraseWasEmpty: passphrase.isEmpty)
      do {
        _ = try ObjectCodec(key: key, nonces: nil).payload(manifestObject, id: nil)
        return key
      } catch is IntegrityError {
        passphrase = try passphrases.ask(prompt)
      }
    }
    throw ArchiveError.passwordRetriesExceeded
  }
}
