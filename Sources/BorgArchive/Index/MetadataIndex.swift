import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import Glibc

/// What was once worked out of a repository's metadata and never changes, kept in the cache folder for the next mount or
/// search: records by kind and id, each in a file of its own, sealed under a key that follows from the repository's.
///
/// Nothing depends on it. What is not there, damaged, or of another version is made again; where nothing can be written,
/// nothing is kept. Several processes may use one folder: files come by rename and go by unlink. All folders together
/// keep to a bound of bytes; what was not used for longest goes first. Thread-safe.
public final class MetadataIndex: Sendable {
  private let directory: [UInt8]
  private let cipher: RecordCipher
  private let writer: RecordWriter

  /// Changes with the layout of any record; those of other versions are not found.
  private static let version: UInt8 = 4
  private static let saltName = "salt"
  private static let saltSize = 32
  /// One record's file, in bytes: more is not one of ours.
  private static let maximumRecordSize = 1 << 30

  /// The index of the session's repository. `maximumBytes` nil: as BORG_MOUNT_INDEX_SIZE says. Nil when that is 0, when
  /// archives are not checked as always, or when the folder cannot be used.
  public convenience init?(of session: RepositorySession, maximumBytes: Int? = nil) {
    guard session.key.checksAuthenticity, !session.context.worksAround("ignore_invalid_archive_tam") else { return nil }
    self.init(
      repositoryID: session.repository.id, key: session.key, maximumBytes: maximumBytes, context: session.context)
  }

  init?(repositoryID: ChunkID, key: Key, maximumBytes: Int?, context: SessionContext) {
    let environment = context.environment
    let bound = maximumBytes ?? IndexBound.bytes(environment)
    guard bound > 0, let base = try? environment.ensureCacheDirectory() else { return nil }
    let all = Array("\(base)/\(MetadataIndex.folderName)".utf8)
    directory = Files.join(all, Array(repositoryID.hex.utf8))
    do {
      try Files.makeDirectories(directory, mode: 0o700)
      cipher = RecordCipher(key, salt: try MetadataIndex.salt(in: directory))
    } catch {
      context.monitor.debug("No metadata index: \(error)", logger: "borg.cache")
      return nil
    }
    writer = RecordWriter(IndexBound(folder: all, maximumBytes: bound), monitor: context.monitor)
  }

  deinit { writer.finish() }

  static let folderName = "borgfs"

  /// The key of hashes that records hold.
  public var hashKey: (UInt64, UInt64) { cipher.hashKey }

  /// The record; nil when there is none to be had.
  public func load(_ kind: UInt8, _ id: ChunkID) -> [UInt8]? {
    let context = MetadataIndex.context(kind, id)
    let path = path(of: context)
    if let record = writer.record(at: path) { return record }
    guard let file = try? File.open(path, O_RDONLY), let status = try? file.status(),
      let record = try? file.readAll(limit: MetadataIndex.maximumRecordSize)
    else { return nil }
    guard let plaintext = cipher.open(record, context: context) else {
      try? Files.unlink(path)
      return nil
    }
    IndexBound.noteUse(of: file, status)
    return plaintext
  }

  /// Keeps a record, soon and without a promise.
  public func keep(_ bytes: [UInt8], _ kind: UInt8, _ id: ChunkID) {
    let context = MetadataIndex.context(kind, id)
    let (path, cipher) = (path(of: context), cipher)
    writer.add(bytes, at: path) { cipher.seal($0, context: context) }
  }

  /// Whether there seems to be such a record.
  public func contains(_ kind: UInt8, _ id: ChunkID) -> Bool {
    let path = path(of: MetadataIndex.context(kind, id))
    return writer.record(at: path) != nil || Files.exists(path)
  }

  /// How many bytes of records all indexes together keep; 0: nothing that is added is kept.
  public var keptBytes: Int { writer.isWriting ? writer.bound.maximumBytes : 0 }

  /// Takes a record away that turned out to be of no use.
  public func discard(_ kind: UInt8, _ id: ChunkID) { try? Files.unlink(path(of: MetadataIndex.context(kind, id))) }

  /// Waits until what was to be kept is.
  public func finish() { writer.finish() }

  /// Ends the writing thread until `resume`: before a fork.
  public func suspend() { writer.suspend() }
  public func resume() { writer.resume() }

  /// Takes the repository's index away: `delete`, `delete --cache-only`.
  static func destroy(repositoryID: ChunkID, environment: Environment) throws {
    let path = Array("\(environment.cacheDirectory)/\(folderName)/\(repositoryID.hex)".utf8)
    if Files.exists(path) { try Files.removeTree(path) }
  }

  private static func context(_ kind: UInt8, _ id: ChunkID) -> [UInt8] { [version, kind] + id.bytes }

  private func path(of context: [UInt8]) -> [UInt8] { Files.join(directory, Array(cipher.name(of: context).utf8)) }

  /// The folder's salt, made by whoever comes first.
  private static func salt(in directory: [UInt8]) throws -> [UInt8] {
    let path = Files.join(directory, Array(saltName.utf8))
    if let salt = try? Files.read(path, limit: saltSize), salt.count == saltSize { return salt }
    let temporary = path + Array("-\(Files.randomSuffix()).tmp".utf8)
    let file = try File.open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    defer { try? Files.unlink(temporary) }
    try file.write(Digest.randomBytes(saltSize))
    try file.close()
    do { try Files.link(temporary, path) } catch let error as SystemError where error.code == EEXIST {
      // Another process was first; what is there and is no salt is of no use to anybody.
      if (try? Files.read(path, limit: saltSize))?.count != saltSize { try Files.rename(temporary, path) }
    }
    return try Files.read(path, limit: saltSize)
  }
}
