import BorgFormat
import BorgSystem
import Glibc
import Synchronization

/// A repository of Attic, Borg's forerunner, becomes one of Borg: other magics at the beginning of segments and index,
/// and another README. Every step may be done again after an interruption.
public struct AtticConversion: Sendable {
  /// Segments are changed where they are; otherwise each becomes a new file, so that hard links keep the old one.
  public var inPlace: Bool
  public var isDryRun: Bool

  public init(inPlace: Bool, isDryRun: Bool) {
    self.inPlace = inPlace
    self.isDryRun = isDryRun
  }

  static let segmentMagic = Array("ATTICSEG".utf8)
  static let indexMagic = Array("ATTICIDX".utf8)
}

extension LocalRepository {
  /// Opens a repository that may be Attic's, under the exclusive lock. Only `AtticConversion`'s steps may follow.
  public static func openForConversion(
    _ location: Location, lock: LockOptions, environment: Environment, monitor: any Monitor
  ) throws -> LocalRepository {
    try LocalRepository(
      OpenOptions(
        location: location, lock: lock, acceptsAttic: true, environment: environment, monitor: monitor))
  }

  /// A copy of the whole directory without its locks, whose files are hard links. `target` must not exist.
  public func linkCopy(to target: [UInt8]) throws {
    try core.withLock { try HardLinkCopy.make($0.path, target) { $0.starts(with: Array("lock.".utf8)) } }
  }

  /// The index file's path; nil when there is none.
  public func convertIndex(_ conversion: AtticConversion) throws -> [UInt8]? {
    try core.withLock { core in
      guard let transaction = try core.indexTransaction() else { return nil }
      let path = core.auxiliaryPath(.index, transaction)
      if !conversion.isDryRun {
        try MagicReplacement(AtticConversion.indexMagic, Array("BORG_IDX".utf8), conversion).apply(path)
      }
      return path
    }
  }

  public func segmentCount() throws -> Int { try core.withLock { try $0.store.files.count() } }

  /// Only segments that still have Attic's magic are written.
  public func convertSegments(_ conversion: AtticConversion) throws {
    try core.withLock { core in
      var progress = try SegmentProgress(
        "Converting segments", messageID: "upgrade.convert_segments", core.store, monitor: core.monitor)
      let replacement = MagicReplacement(AtticConversion.segmentMagic, SegmentEntryHeader.magic, conversion)
      try core.store.files.forEach { segment in
        progress.step()
        if !conversion.isDryRun { try replacement.apply(core.store.files.path(of: segment)) }
        return true
      }
      progress.finish()
    }
  }

  /// Says whose repository it is.
  public func replaceReadme() throws {
    try core.withLock {
      try Files.replace(Files.join($0.path, Array("README".utf8)), with: Array(RepositoryCreation.readme.utf8))
    }
  }
}

/// Puts one magic in the place of another of the same length.
private struct MagicReplacement {
  let old: [UInt8]
  let new: [UInt8]
  let inPlace: Bool

  init(_ old: [UInt8], _ new: [UInt8], _ conversion: AtticConversion) {
    precondition(old.count == new.count)
    self.old = old
    self.new = new
    inPlace = conversion.inPlace
  }

  func apply(_ path: [UInt8]) throws {
    guard try hasOldMagic(path) else { return }
    if inPlace { return try overwrite(path) }
    let draft = path + Array(".tmp".utf8)
    do {
      try Files.copy(path, draft)
      try overwrite(draft)
      try Files.rename(draft, path)
    } catch {
      try? Files.unlink(draft)
      throw error
    }
    try Files.syncDirectory(Files.parent(of: path))
  }

  private func hasOldMagic(_ path: [UInt8]) throws -> Bool {
    let file = try File.open(path, O_RDONLY)
    return try withUnsafeTemporaryAllocation(byteCount: old.count, alignment: 1) { start in
      try file.read(into: start, at: 0) == old.count && start.elementsEqual(old)
    }
  }

  private func overwrite(_ path: [UInt8]) throws {
    let file = try File.open(path, O_WRONLY)
    try file.write(new)
    try file.sync()
    try file.close()
  }
}

/// A directory tree again, its files as further names of the same files.
enum HardLinkCopy {
  /// `leavesOut` is asked for the names in the top directory alone. Symbolic links and other special files are linked too.
  static func make(_ source: [UInt8], _ target: [UInt8], leavesOut: ([UInt8]) -> Bool = { _ in false }) throws {
    let mode = try Files.status(source).st_mode & 0o7777
    try Files.makeDirectory(target, mode: mode)
    for name in try Files.names(in: source) where !leavesOut(name) {
      let (from, to) = (Files.join(source, name), Files.join(target, name))
      if try Files.status(from, followLinks: false).st_mode & S_IFMT == S_IFDIR {
        try make(from, to)
      } else {
        try Files.link(from, to)
      }
    }
  }
}
