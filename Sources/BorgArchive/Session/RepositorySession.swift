import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// What every session is given from outside.
public struct SessionContext: Sendable {
  public var environment: Environment
  public var monitor: any Monitor
  public var clock: Clock
  public var users: Users

  public init(environment: Environment, monitor: any Monitor, clock: Clock = .system, users: Users = Users()) {
    self.environment = environment
    self.monitor = monitor
    self.clock = clock
    self.users = users
  }
}

/// The manifest's feature operations (archives.md section 2).
public enum ManifestOperation: String, Sendable, CaseIterable { case read, check, write, delete }

/// Repository, key and manifest, opened once per command.
public final class RepositorySession: @unchecked Sendable {
  // Safe: `manifest` is changed by the command's own thread only; everything else is immutable or thread-safe.
  public let repository: any Repository
  public let key: Key
  public let codec: ObjectCodec
  public let nonces: NonceSource
  public internal(set) var manifest: Manifest
  public let context: SessionContext
  /// Where a keyfile key was found, for messages and JSON.
  public let keyTarget: String?

  /// Opens key and manifest of an open repository, checks features for `operations`, and, with `assertsSecure`, makes
  /// the security checks of caches.md section 2 (prompts included).
  public init(
    repository: any Repository, operations: [ManifestOperation], assertsSecure: Bool = true, context: SessionContext
  ) throws { fatalError("contract: BorgArchive session") }

  /// `borg init` after the repository was created: key with new passphrase (nil `secretsFrom`: fresh secrets), manifest,
  /// commit, security entries. Deletes the repository when the user cancels.
  public static func initialize(
    repository: any Repository, type: KeyType, secretsFrom: RelatedSecrets?, context: SessionContext
  ) throws -> RepositorySession { fatalError("contract: BorgArchive session") }

  /// Seals and stores the manifest under a new timestamp (not committed).
  public func writeManifest() throws { fatalError("contract: BorgArchive session") }
  /// The hash of the manifest's plaintext as last read or written: the cache's "manifest id".
  public var manifestID: ChunkID { fatalError("contract: BorgArchive session") }

  public func close() { repository.close() }
}

/// `id_key` and `chunk_seed` of another repository (keys.md 9.5).
public struct RelatedSecrets: Sendable {
  public var idKey: [UInt8]
  public var chunkSeed: Int32
  public var keyName: String

  /// Throws `ArchiveError.command` for bad JSON, version or hex.
  public init(parsing json: [UInt8], path: String) throws { fatalError("contract: BorgArchive session") }
}
