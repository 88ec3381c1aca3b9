import BorgArchive
import BorgFormat
import BorgObjects
import BorgSystem

/// The files cache between the walker, which looks up, and the collector, which remembers: one at a time.
final class SharedFilesCache: @unchecked Sendable {
  // Safe: the cache is touched under `condition`'s lock only; `scratch` by the walker only.
  private let condition = Condition()
  private let files: FilesCache
  private let chunks: ChunkIndex
  private let key: Key
  private var scratch: [UInt8]
  private let directoryLength: Int

  /// `currentDirectory` is what relative paths are relative to.
  init(_ cache: Cache, currentDirectory: [UInt8]) {
    files = cache.files
    chunks = cache.chunks
    key = cache.session.key
    scratch = currentDirectory.last == 0x2F ? currentDirectory : currentDirectory + [0x2F]
    directoryLength = scratch.count
  }

  /// The keyed hash of the absolute path; nil when the cache is disabled. For the walker.
  func pathHash(_ path: [UInt8]) -> ChunkID? {
    if files.mode.contains(.disabled) { return nil }
    if path.first == 0x2F { return path.withUnsafeBytes { key.id(of: $0) } }
    scratch.removeSubrange(directoryLength...)
    scratch.append(contentsOf: path)
    return scratch.withUnsafeBytes { key.id(of: $0) }
  }

  /// An unchanged file whose chunks are not all in the chunk index counts as changed.
  func lookup(_ file: FileIdentity) -> FilesCache.Answer {
    let answer = condition.withLock {
      files.lookup(file.pathHash, inode: file.inode, size: file.size, ctime: file.ctime, mtime: file.mtime)
    }
    guard case .unchanged(let ids) = answer, !ids.allSatisfy({ chunks[$0] != nil }) else { return answer }
    return .changed
  }

  func remember(_ file: FileIdentity, chunks: [ChunkID]) {
    condition.withLock {
      files.remember(
        file.pathHash, inode: file.inode, size: file.size, ctime: file.ctime, mtime: file.mtime, chunks: chunks)
    }
  }

  /// Keeps the walker out while the caches are saved.
  func whileLocked<R>(_ body: () throws -> R) rethrows -> R {
    try condition.withLock(body)
  }
}
