import BorgFormat
import BorgSystem
import Glibc

/// The state of an open local repository. Not thread-safe: `LocalRepository` lets one caller in at a time.
///
/// On disk two numbers say where it stands: the newest index file and the newest committed segment. Reading brings
/// the two together first (`settledTransaction`); writing opens a transaction on top (`Transaction`), which becomes
/// real with its COMMIT and is otherwise forgotten: segments above the last COMMIT count for nothing and the next
/// writer deletes them.
final class RepositoryCore {
  let path: [UInt8]
  let location: Location
  let monitor: any Monitor
  let lockOptions: LockOptions
  let lock: DirectoryLock?
  let store: SegmentStore
  let settings: RepositorySettings
  /// Config or caller forbid to give up old data.
  let appendOnly: Bool
  /// 0: none.
  let storageQuota: Int64
  /// Created in this session: a first commit that finds no space removes it again.
  let isNew: Bool
  var config: ConfigFile
  /// As of the last commit, or as the open transaction has changed it.
  var index: RepositoryIndex?
  var transaction: Transaction?
  /// Nothing on disk is changed, no lock is held, and others may write (see LockFreeReading).
  let readsOnly: Bool
  /// Of a state that is read without a lock: what it was read from.
  var stamp: RepositoryStamp?
  var end: RepositoryEnd?
  /// The state whose index file was not what it should be when it was last read.
  var damaged: RepositoryStamp?
  var stateNumber = 0
  var hasNewState = false
  var searching = SearchedIndexFile.Conditions()
  private var isClosed = false

  var pathText: String { String(decoding: path, as: UTF8.self) }

  init(opening options: LocalRepository.OpenOptions) throws {
    let path = try Files.absolute(options.location.path)
    let pathText = String(decoding: path, as: UTF8.self)
    try RepositoryCore.checkDirectory(path, pathText)
    let lock = try RepositoryCore.acquireLock(path, options)
    do {
      config = try RepositoryCore.readConfig(path, pathText)
      settings = try RepositorySettings(config, path: pathText)
      store = SegmentStore(
        repository: path, sizeLimit: settings.maximumSegmentSize, segmentsPerDirectory: settings.segmentsPerDirectory,
        startsWritebackEarly: !workarounds(options.environment).contains("basesyncfile"))
      if !options.acceptsAttic, let latest = try store.files.latest(), try store.hasAtticMagic(latest) {
        throw RepositoryError.atticRepository(path: pathText)
      }
    } catch {
      try? lock?.release()
      throw error
    }
    self.path = path
    self.lock = lock
    location = options.location.with(archive: nil)
    monitor = options.monitor
    lockOptions = options.lock
    appendOnly = options.appendOnly || settings.appendOnly
    storageQuota = options.storageQuota ?? settings.storageQuota
    isNew = options.isNew
    readsOnly = options.readsOnly
  }

  private static func checkDirectory(_ path: [UInt8], _ pathText: String) throws {
    do {
      guard try Files.status(path).st_mode & S_IFMT == S_IFDIR else {
        throw RepositoryError.invalidRepository(path: pathText)
      }
    } catch let error as SystemError where error.code == ENOENT {
      throw RepositoryError.doesNotExist(path: pathText)
    }
  }

  private static func acquireLock(
    _ path: [UInt8], _ options: LocalRepository.OpenOptions
  ) throws -> DirectoryLock? {
    guard options.lock.mode != .none else { return nil }
    return try DirectoryLock.acquire(
      path: lockPath(path), options.lock, environment: options.environment, monitor: options.monitor)
  }

  static func lockPath(_ repository: [UInt8]) -> [UInt8] { Files.join(repository, Array("lock".utf8)) }

  private static func readConfig(_ path: [UInt8], _ pathText: String) throws -> ConfigFile {
    let text: [UInt8]
    do {
      text = try Files.read(Files.join(path, Array("config".utf8)), limit: maximumConfigSize)
    } catch let error as SystemError where error.code == ENOENT {
      throw RepositoryError.invalidRepository(path: pathText)
    }
    do {
      return try ConfigFile(parsing: text)
    } catch let error as FormatError {
      throw RepositoryError.invalidConfig(path: pathText, detail: error.description)
    }
  }

  /// Idempotent. An open transaction is left to the next writer, unless the disk is full.
  func close() {
    guard !isClosed else { return }
    store.stopRequest.withdraw()
    rollback()
    isClosed = true
    index = nil
    try? store.close()
    do {
      try lock?.release()
    } catch {
      monitor.error("\(error)", logger: repositoryLogger)
    }
  }

  func requireOpen() throws {
    guard !isClosed else { throw RepositoryError.refused("Repository \(pathText) is closed.") }
  }

  func saveConfig() throws {
    try requireWriting()
    try ConfigWriter(repository: path, toleratesReadOnly: lock == nil, monitor: monitor).write(config)
  }

  /// Writing needs the exclusive lock to be really ours, on disk too; without any lock it is the caller's risk.
  func requireExclusiveLock() throws {
    try requireWriting()
    if let lock, !lock.holdsExclusively {
      throw RepositoryError.exclusiveLockMissing
    }
  }

  func requireWriting() throws {
    guard !readsOnly else { throw RepositoryError.refused("Repository \(pathText) was opened for reading only.") }
  }

  func auxiliaryPath(_ kind: AuxiliaryFile, _ transaction: Int) -> [UInt8] {
    Files.join(path, Array(kind.name(transaction).utf8))
  }

  private static let maximumConfigSize = 16 << 20
}

/// The files beside the segments that describe one transaction's state.
enum AuxiliaryFile: String, CaseIterable {
  case index, hints, integrity

  func name(_ transaction: Int) -> String { "\(rawValue).\(transaction)" }
}

/// The names in `BORG_WORKAROUNDS`.
private func workarounds(_ environment: Environment) -> [String] {
  (environment["BORG_WORKAROUNDS"] ?? "").split(separator: ",").map { String($0).trimmingSpaces() }
}
