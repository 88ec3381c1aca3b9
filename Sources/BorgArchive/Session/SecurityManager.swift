import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import Glibc

/// What this user remembers of a repository: `SECURITY/REPOID/` (caches.md section 2).
public struct SecurityManager: Sendable {
  public let directory: String
  private let environment: Environment

  public init(repositoryID: ChunkID, environment: Environment) {
    directory = "\(environment.securityDirectory)/\(repositoryID.hex)"
    self.environment = environment
  }

  /// Whether location, key type and manifest timestamp are all on record.
  public var isKnown: Bool {
    ["key-type", "location", "manifest-timestamp"].allSatisfy { Files.exists(path($0)) }
  }

  /// The empty file `tam_required`: what counts for a key that does not say (archives.md section 3).
  public var tamRequiredMarker: Bool {
    guard let status = try? Files.status(path("tam_required")) else { return false }
    return status.st_mode & S_IFMT == S_IFREG
  }

  public func setTAMRequiredMarker(_ present: Bool) throws {
    guard present != tamRequiredMarker else { return }
    if present {
      try environment.ensureDirectory(directory)
      try File.open(path("tam_required"), O_WRONLY | O_CREAT | O_TRUNC).close()
    } else {
      try Files.unlink(path("tam_required"))
    }
  }

  /// Writes location, key type and manifest timestamp.
  public func save(location: Location, keyType: KeyType, manifestTimestamp: [UInt8]) throws {
    try write("location", location.canonicalPath)
    try write("key-type", "\(keyType.rawValue)")
    try write("manifest-timestamp", String(decoding: manifestTimestamp, as: UTF8.self))
  }

  public func destroy() throws {
    guard Files.exists(Array(directory.utf8)) else { return }
    try Files.removeTree(Array(directory.utf8))
  }

  func path(_ name: String) -> [UInt8] { Array("\(directory)/\(name)".utf8) }

  /// A file's whole text; nil when it is missing or unreadable, which is then no information.
  func read(_ name: String, monitor: any Monitor) -> String? {
    do {
      return String(decoding: try Files.read(path(name), limit: 1 << 20), as: UTF8.self)
    } catch let error as SystemError where error.code == ENOENT {
      return nil
    } catch {
      monitor.note("Could not read \(name) file: \(error)", logger: "borg.cache")
      return nil
    }
  }

  func write(_ name: String, _ text: String) throws {
    try environment.ensureDirectory(directory)
    try Files.replace(path(name), with: Array(text.utf8))
  }
}
