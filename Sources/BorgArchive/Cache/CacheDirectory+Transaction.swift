import BorgFormat
import BorgObjects
import BorgSystem
import Glibc

/// The cache's transactions (caches.md 3.3): copies of what is about to be overwritten stand in `txn.active` until
/// everything new is in place; whoever opens the cache and finds them there puts them back.
extension CacheDirectory {
  private static let unfinished = "txn.tmp"
  private static let active = "txn.active"

  /// Saves files cache, chunk index and config, in this order, under the session's manifest.
  func commit(_ chunks: ChunkIndex, _ files: FilesCache) throws {
    let timeToLive = try filesCacheTimeToLive()
    try beginTransaction()
    if !files.mode.contains(.disabled) {
      report("Saving files cache")
      try writeFiles(files.encoded(timeToLive: timeToLive))
    }
    report("Saving chunks cache")
    try chunks.withTable { table in try table.withFileBytes { try writeChunks($0) } }
    try finishCommit()
  }

  /// The last part of a commit: the config, and the copies go.
  func finishCommit() throws {
    report("Saving cache config")
    config.update(
      manifestID: session.manifestID,
      timestamp: String(decoding: session.manifest.data.timestamp ?? [], as: UTF8.self), keyType: session.key.type)
    try saveConfig()
    try Files.rename(file(Self.active), file(Self.unfinished))
    try Files.removeTree(file(Self.unfinished))
    report(nil)
  }

  func filesCacheTimeToLive() throws -> Int {
    guard let text = session.context.environment["BORG_FILES_CACHE_TTL"] else { return 20 }
    guard let number = Int(text) else {
      throw ArchiveError.plain("BORG_FILES_CACHE_TTL is not a number: \(text)")
    }
    return number
  }

  /// Nil: finished.
  func report(_ message: String?, of step: String = "cache.commit") {
    guard session.context.monitor.wantsProgress else { return }
    session.context.monitor.progress(
      OperationProgress(messageID: step, message: message, isFinished: message == nil))
  }

  func beginTransaction() throws {
    let step = "cache.begin_transaction"
    let copies = file(Self.unfinished)
    try Files.makeDirectory(copies)
    for name in ["config", Self.chunksName] {
      report("Initializing cache transaction: Reading \(name)", of: step)
      try Files.copy(file(name), CachePath.file(name, in: copies))
    }
    report("Initializing cache transaction: Reading files", of: step)
    let files = CachePath.file(filesName, in: copies)
    if Files.exists(file(filesName)) {
      try Files.copy(file(filesName), files)
    } else {
      try VerifiedFile.overwrite(files, with: "")
    }
    try Files.rename(copies, file(Self.active))
    report(nil, of: step)
  }

  /// Undoes what an aborted program left. False when a part is missing there: then nothing in the directory can be
  /// relied on. Throws `SystemError`, with the copies still in place.
  static func rollback(_ path: [UInt8]) throws -> Bool {
    let unfinished = CachePath.file(unfinished, in: path)
    let active = CachePath.file(active, in: path)
    if Files.exists(unfinished) { try Files.removeTree(unfinished) }
    guard Files.exists(active) else { return true }
    let isWhole = try restore(from: active, to: path)
    try Files.rename(active, unfinished)
    try Files.removeTree(unfinished)
    return isWhole
  }

  private static func restore(from active: [UInt8], to path: [UInt8]) throws -> Bool {
    do {
      for name in ["config", chunksName] {
        try Files.copy(CachePath.file(name, in: active), CachePath.file(name, in: path))
      }
      guard let files = try Files.names(in: active).first(where: isFilesCache) else { return false }
      try Files.copy(active + [UInt8(ascii: "/")] + files, path + [UInt8(ascii: "/")] + files)
      return true
    } catch let error as SystemError where error.code == ENOENT {
      return false
    }
  }

  private static func isFilesCache(_ name: [UInt8]) -> Bool {
    name == Array("files".utf8) || name.starts(with: "files.".utf8)
  }
}
