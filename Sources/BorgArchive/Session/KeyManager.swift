import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Copies of a repository's key blob out and back in (keys.md 9.2 to 9.4). Neither passphrase nor lock is needed.
public struct KeyManager: Sendable {
  public let repository: any Repository
  private let storage: KeyType.Storage
  private let store: KeyStore
  private let manifestObject: [UInt8]

  /// Throws `ArchiveError.noManifest`, and `.unencryptedRepo` for a mode without key.
  public init(repository: any Repository, environment: Environment) throws {
    self.repository = repository
    manifestObject = try RepositorySession.manifestObject(of: repository)
    storage = try KeyLoader.type(ofObject: manifestObject).storage
    store = KeyStore(repository: repository, environment: environment)
    guard storage != .none else { throw ArchiveError.unencryptedRepo }
  }

  /// The key in key file format, whatever the mode.
  public func keyFile() throws -> [UInt8] { store.keyFile(try found().text) }

  /// The key as lines to be printed and typed in again.
  public func paperKey() throws -> String {
    let found = try found()
    guard let blob = Base64.decode(found.text) else {
      throw ArchiveError.keyfileInvalid(
        location: repository.location.canonicalPath, path: found.path ?? "(repokey)")
    }
    return PaperKey.text(of: blob, repositoryID: repository.id)
  }

  /// Puts a key file's key in the place of the present one. Throws `ArchiveError.notABorgKeyFile`, `.repoIDMismatch`,
  /// and `.keyfileInvalid` when no key follows the first line; `path` is for messages.
  public func importKeyFile(_ file: [UInt8], path: String) throws {
    let text = file.filter { $0 != 0x0d }
    let firstLine = Array("BORG_KEY \(repository.id.hex)\n".utf8)
    guard text.starts(with: firstLine) else {
      throw text.starts(with: Array("BORG_KEY".utf8)) ? ArchiveError.repoIDMismatch : .notABorgKeyFile
    }
    let blob = Array(text.dropFirst(firstLine.count))
    guard let bytes = Base64.decode(blob), bytes.count >= KeyStore.minimumBlobLength else {
      throw ArchiveError.keyfileInvalid(location: repository.location.canonicalPath, path: path)
    }
    try store.save(text: blob, storage)
  }

  /// Puts a decoded blob in the place of the present one.
  public func importBlob(_ blob: [UInt8]) throws {
    try store.save(text: KeyStore.wrapped(blob), storage)
  }

  private func found() throws -> KeyStore.Found {
    guard let found = try store.find(storage) else { throw ArchiveError.unencryptedRepo }
    return found
  }
}

/// Leaving the legacy passphrase mode (keys.md 9.6).
extension KeyManager {
  /// Derives the key from the passphrase and stores it, under a passphrase that may be new, in the repository. Throws
  /// `ArchiveError.plain` for a repository that was never in that mode.
  public static func migrateToRepokey(_ repository: any Repository, context: SessionContext) throws {
    let object = try RepositorySession.manifestObject(of: repository)
    guard object.first == KeyType.passphrase.rawValue else {
      throw ArchiveError.plain("This repository is not in passphrase mode.")
    }
    let loader = KeyLoader(repository: repository, context: context)
    let legacy = try loader.loadLegacyPassphraseKey(manifestObject: object)
    let key = try Key(type: .repokey, secrets: legacy.secrets, tamRequired: true)
    guard let blob = key.sealed(passphrase: try Passphrases(context: context).new()) else {
      preconditionFailure("a derived key has secrets")
    }
    try repository.saveKey(KeyStore.wrapped(blob.encoded()))
  }
}
