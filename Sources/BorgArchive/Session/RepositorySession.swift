import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// The manifest's feature operations (archives.md section 2).
public enum ManifestOperation: String, Sendable, CaseIterable { case read, check, write, delete }

/// Repository, key and manifest, opened once per command.
public final class RepositorySession: @unchecked Sendable {
  // Safe: `manifest` and `manifestID` are changed by the command's own thread only; everything else is immutable or
  // thread-safe.
  public let repository: any Repository
  public let key: Key
  public let codec: ObjectCodec
  public let nonces: NonceSource
  public internal(set) var manifest: Manifest
  /// The hash of the manifest's plaintext as last read or written: the cache's "manifest id".
  public internal(set) var manifestID: ChunkID
  public let context: SessionContext
  /// Whether the manifest as it was read carried a TAM that verified.
  public let manifestWasAuthenticated: Bool
  /// Kept only when asked for: the key is then saved again under it.
  let passphrase: [UInt8]?
  /// Where a keyfile key was found, for messages and JSON.
  public let keyTarget: String?

  /// What `upgrade` must get by without, and what it needs beyond other commands.
  public struct Trust: Sendable {
    /// A manifest without a TAM is taken even when the key requires one.
    public var acceptsUnauthenticatedManifest = false
    /// A wrong TAM of an archive counts as none.
    public var ignoresInvalidArchiveTAM = false
    /// The key will be saved again under the same passphrase.
    public var keepsPassphrase = false

    public init() {}
  }

  /// Opens key and manifest of an open repository, checks features for `operations`, and, with `assertsSecure`, makes
  /// the security checks of caches.md section 2 (prompts included).
  public init(
    repository: any Repository, operations: [ManifestOperation], assertsSecure: Bool = true,
    trust: Trust = Trust(), context: SessionContext
  ) throws {
    let object = try RepositorySession.manifestObject(of: repository)
    let loaded = try KeyLoader(repository: repository, context: context).load(manifestObject: object)
    let reservation = NonceReservation(
      repository: repository, type: loaded.key.type, manifestObject: object, context: context)
    self.repository = repository
    self.context = context
    key = loaded.key
    keyTarget = loaded.keyFile
    passphrase = trust.keepsPassphrase ? loaded.passphrase : nil
    nonces = NonceSource(reserve: reservation.reserve)
    codec = ObjectCodec(key: loaded.key, nonces: nonces)
    let plaintext = try codec.unseal(object, id: nil, workspace: CodecWorkspace())
    let requiresTAM = loaded.key.tamRequired && !trust.acceptsUnauthenticatedManifest
    if loaded.key.tamRequired, !requiresTAM {
      context.monitor.note("Manifest authentication DISABLED.", logger: "borg.crypto.key")
    }
    let opened = try RepositorySession.openManifest(plaintext, key: key, requiresTAM: requiresTAM)
    manifestWasAuthenticated = opened.isAuthenticated
    manifest = Manifest(data: opened.data)
    manifestID = plaintext.withUnsafeBytes { loaded.key.id(of: $0) }
    if opened.isAuthenticated {
      context.monitor.debug("TAM-verified manifest", logger: "borg.crypto.key")
    } else {
      context.monitor.debug("Manifest TAM not found and not required", logger: "borg.crypto.key")
    }
    try checkFeatures(operations)
    if assertsSecure { try assertSecure() }
    // Last: a repository that is refused is not to have changed what is known of the true one.
    if opened.isAuthenticated { try updateTAMMarker() }
  }

  /// Takes an archive off the manifest in memory; what it refers to stays (`delete --force --force`).
  public func dropArchive(named name: [UInt8]) { manifest.remove(named: name) }

  /// A repository that has just been created: its manifest is empty and not yet written.
  init(newIn repository: any Repository, key: Key, keyFile: String?, context: SessionContext) {
    let reservation = NonceReservation(repository: repository, type: key.type, manifestObject: nil, context: context)
    self.repository = repository
    self.context = context
    self.key = key
    keyTarget = keyFile
    passphrase = nil
    manifestWasAuthenticated = true
    nonces = NonceSource(reserve: reservation.reserve)
    codec = ObjectCodec(key: key, nonces: nonces)
    manifest = Manifest(data: ManifestData())
    manifestID = .manifest
  }

  /// A repository whose manifest may be lost; `sample` is any of its objects. The manifest in memory is empty.
  init(checking repository: any Repository, key: Key, keyFile: String?, sample: [UInt8], context: SessionContext) {
    let reservation = NonceReservation(
      repository: repository, type: key.type, manifestObject: sample, context: context)
    self.repository = repository
    self.context = context
    self.key = key
    keyTarget = keyFile
    passphrase = nil
    manifestWasAuthenticated = false
    nonces = NonceSource(reserve: reservation.reserve)
    codec = ObjectCodec(key: key, nonces: nonces)
    manifest = Manifest(data: ManifestData())
    manifestID = .manifest
  }

  public var security: SecurityManager {
    SecurityManager(repositoryID: repository.id, environment: context.environment)
  }

  /// The security checks of caches.md section 2.
  public func assertSecure() throws {
    try securityChecks.run()
  }

  /// Notes location, key type and the manifest's timestamp; every cache commit does.
  public func saveSecurity() throws {
    try securityChecks.save()
  }

  public func close() { repository.close() }

  private var securityChecks: SecurityChecks {
    SecurityChecks(
      repository: repository, key: key, manifestTimestamp: manifest.data.timestamp ?? [], context: context)
  }
}
