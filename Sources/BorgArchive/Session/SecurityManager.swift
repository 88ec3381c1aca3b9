import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// What this user remembers of a repository: `SECURITY/REPOID/` (caches.md section 2).
public struct SecurityManager: Sendable {
  public let directory: String

  public init(repositoryID: ChunkID, environment: Environment) { fatalError("contract: BorgArchive session") }
  public var isKnown: Bool { fatalError("contract: BorgArchive session") }
  public var tamRequiredMarker: Bool { fatalError("contract: BorgArchive session") }
  public func setTAMRequiredMarker(_ present: Bool) throws { fatalError("contract: BorgArchive session") }
  /// Writes location, key type and manifest timestamp.
  public func save(location: Location, keyType: KeyType, manifestTimestamp: [UInt8]) throws {
    fatalError("contract: BorgArchive session")
  }
  public func destroy() throws { fatalError("contract: BorgArchive session") }
}
