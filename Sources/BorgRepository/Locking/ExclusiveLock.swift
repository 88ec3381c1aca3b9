import BorgSystem
import Glibc

/// The mutex directory `lock.exclusive` with its holder's file in it (repository.md 17.3 and 17.4).
struct ExclusiveLock {
  let path: [UInt8]
  let host: String
  let waitSeconds: Int
  let monitor: any Monitor
  var holder: LockHolder

  private var holderFile: [UInt8] { Files.join(path, holder.fileName) }
  private var pathText: String { String(decoding: path, as: UTF8.self) }

  var isLocked: Bool { Files.exists(path) }
  var isMine: Bool { Files.exists(holderFile) }

  /// Re-entrant. Throws `RepositoryError.lockFailed` where nothing can be written, `.lockTimeout` when others hold it.
  func acquire() throws {
    let temporary = path + Array(".\(Files.randomSuffix()).tmp".utf8)
    let temporaryHolder = Files.join(temporary, holder.fileName)
    do {
      try Files.makeDirectory(temporary, mode: 0o700)
      try File.open(temporaryHolder, O_WRONLY | O_CREAT | O_TRUNC).close()
    } catch let error as SystemError {
      try? Files.removeDirectory(temporary)
      throw RepositoryError.lockFailed(path: pathText, reason: error.description)
    }
    do {
      try take(temporary)
    } catch {
      try? Files.unlink(temporaryHolder)
      try? Files.removeDirectory(temporary)
      throw error
    }
  }

  private func take(_ temporary: [UInt8]) throws {
    let timer = LockTimer(seconds: waitSeconds)
    while true {
      do {
        return try Files.rename(temporary, path)
      } catch _ as SystemError {
        if isMine {
          try? Files.removeTree(temporary)
          return
        }
        try removeStaleHolders()
        if timer.isOverOrSleeps() { throw RepositoryError.lockTimeout(path: pathText) }
      }
    }
  }

  /// Throws `RepositoryError.notLocked` or `.notMyLock`.
  func release() throws {
    guard isLocked else { throw RepositoryError.notLocked(path: pathText) }
    guard isMine else { throw RepositoryError.notMyLock(path: pathText) }
    try Files.unlink(holderFile)
    do {
      try Files.removeDirectory(path)
    } catch let error as SystemError where ExclusiveLock.isLostRace(error) {}
  }

  /// Removes the files of holders that are surely gone, then the directory; stops at the first that may live.
  private func removeStaleHolders() throws {
    let names: [[UInt8]]
    do {
      names = try Files.names(in: path)
    } catch let error as SystemError where error.code == ENOENT {
      return
    }
    for name in names {
      let text = String(decoding: name, as: UTF8.self)
      guard let other = LockHolder(fileName: name) else {
        monitor.error("Found malformed lock \(text) in \(pathText). Please check/fix manually.", logger: lockLogger)
        return
      }
      if other.mayBeAlive(seenFrom: host) { return }
      do {
        try Files.unlink(Files.join(path, name))
        monitor.note("Killed stale lock \(text).", logger: lockLogger)
      } catch let error as SystemError {
        monitor.error("Found stale lock \(text), but cannot delete due to \(error)", logger: lockLogger)
        return
      }
    }
    removeEmptied()
  }

  private func removeEmptied() {
    do {
      try Files.removeDirectory(path)
    } catch let error as SystemError where ExclusiveLock.isLostRace(error) {
    } catch {
      monitor.error("Failed to remove lock dir: \(error)", logger: lockLogger)
    }
  }

  /// Somebody else was there first, which is as good.
  private static func isLostRace(_ error: SystemError) -> Bool {
    [ENOTEMPTY, EEXIST, ENOENT].contains(error.code)
  }

  /// Moves the held lock to `newHolder`; only changes who we are when it is not ours.
  mutating func migrate(to newHolder: LockHolder) throws {
    let oldFile = holderFile
    let wasMine = isMine
    holder = newHolder
    guard wasMine else { return }
    try File.open(holderFile, O_WRONLY | O_CREAT | O_TRUNC).close()
    try Files.unlink(oldFile)
  }

  /// Removes the lock, whoever holds it.
  static func breakLock(path: [UInt8]) throws {
    guard Files.exists(path) else { return }
    for name in try Files.names(in: path) { try Files.unlink(Files.join(path, name)) }
    try Files.removeDirectory(path)
  }
}

/// The name under which locks log, as in Borg.
let lockLogger = "borg.locking"
