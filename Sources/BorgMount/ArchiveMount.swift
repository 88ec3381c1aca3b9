import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTree
import CFuse
import Glibc

/// A repository or archive on its way to a mount point and back: reads what must be known first, mounts, goes to the
/// background, serves until the end.
public final class ArchiveMount {
  /// What the mount point shows.
  public enum View: Sendable {
    case archive(Manifest.Entry)
    /// Archives as directories, or with the `versions` option their files' versions.
    case repository(select: @Sendable (Manifest) throws -> [Manifest.Entry])
  }

  private let session: RepositorySession
  private let tree: any FileTree
  private let source: ArchiveTreeSource?
  /// Nil: nothing is kept for other mounts.
  private let index: MetadataIndex?
  private let options: MountOptions
  private let fuse: FuseSession

  private static let littleMemory = 512 << 20

  /// Builds the tree: one archive is read whole, a repository's archives and the versions view when they are looked at.
  public init(
    _ view: View, of session: RepositorySession, matcher: PatternMatcher, options: MountOptions,
    usesNames: Bool = true, strippedComponents: Int = 0, showsPartFiles: Bool = false
  ) throws {
    if Memory.availableBytes() < ArchiveMount.littleMemory {
      Memory.giveBackEarly()
    } else {
      Memory.shareAmongThreads()
    }
    var shown = TreeOptions(uid: getuid(), gid: getgid(), mountTime: session.context.clock.now())
    shown.forcedUID = options.uid
    shown.forcedGID = options.gid
    shown.umask = options.umask
    shown.strippedComponents = strippedComponents
    shown.showsPartFiles = showsPartFiles
    shown.opensDamagedFiles = options.opensDamagedFiles
    self.session = session
    self.options = options
    let index = MetadataIndex(of: session, maximumBytes: options.indexSize)
    self.index = index
    var made: ArchiveTreeSource?
    tree = try ArchiveMount.tree(view, of: session, shown, versions: options.showsVersions) { entries, watch in
      let source = ArchiveTreeSource(
        session: session, entries: entries, watch: watch, matcher: matcher, usesNames: usesNames,
        dataCacheBytes: DataCacheSize.bytes(options, session.context.environment), index: index)
      made = source
      return source
    }
    source = made
    let monitor = session.context.monitor
    let repository = session.repository as? LocalRepository
    fuse = try FuseSession(tree, options: options.passedOn) {
      monitor.error($0, logger: "borg.fuse")
    } storedBytes: {
      (try? repository?.storedBytes()) ?? 0
    }
  }

  private static func tree(
    _ view: View, of session: RepositorySession, _ options: TreeOptions, versions: Bool,
    _ source: ([Manifest.Entry], ManifestWatch?) -> ArchiveTreeSource
  ) throws -> any FileTree {
    switch view {
    case .archive(let entry):
      if versions { throw MountError.versionsOfOneArchive }
      let source = source([entry], nil)
      guard let archive = try source.archives().first else { throw TreeError.noSuchEntry }
      return try ArchiveTree(of: archive, from: source, options: options)
    case .repository(let select):
      let entries = try select(session.manifest)
      if versions {
        let source = source(entries, nil)
        return LazyTree(options: options) { () throws(TreeError) in
          try ArchiveTree(mergedFrom: source, options: options)
        }
      }
      let watch = ManifestWatch(of: session, showing: entries, select: select)
      let source = source(entries, watch)
      return ViewsTree(over: try RepositoryTree(source, options: options))
    }
  }

  /// Whether a directory can carry a mount; what a dead mount of ours left there is taken away first. Throws
  /// `MountError.mountPointUnusable`.
  public static func check(mountPoint: [UInt8], monitor: any Monitor) throws {
    if try DeadMountPoint.remove(at: Files.absolute(mountPoint)) {
      monitor.info("Removed the dead mount at \(displayText(mountPoint)).", logger: "borg.fuse")
    }
    let path = mountPoint.map { CChar(bitPattern: $0) } + [0]
    let status = try? Files.status(mountPoint)
    guard let status, status.st_mode & S_IFMT == S_IFDIR, access(path, R_OK | W_OK | X_OK) == 0 else {
      throw MountError.mountPointUnusable(path: mountPoint)
    }
  }

  /// Mounts; requests wait until `serve`.
  public func mount(at mountPoint: [UInt8]) throws(MountError) { try fuse.mount(at: mountPoint) }

  /// Sends the mounted file system to the background, the repository's lock or connection with it.
  public func detach() throws -> Daemon.Role {
    let repository = session.repository as? any ForkableRepository
    repository?.prepareFork()
    index?.suspend()
    let role = try Daemon.detach { [fuse] callerPID in
      do { try repository?.takeOver(from: callerPID) } catch {
        fuse.unmount()
        throw error
      }
    }
    if role == .caller { repository?.leave() } else { index?.resume() }
    return role
  }

  /// Answers the kernel until the file system is unmounted or a signal ends it. After a terminating signal the mount
  /// point is left behind, dead, when this object goes.
  public func serve(foreground: Bool) throws {
    let (tree, source) = (tree, source)
    let (monitor, repository) = (session.context.monitor, session.repository)
    let statistics: @Sendable () -> Void = {
      let held = tree.statistics
      monitor.debug(
        "fuse: \(held.nodes) nodes (\(held.bytes) bytes) of \(held.loadedArchives) archives, "
          + "\(held.pendingArchives) pending archives", logger: "borg.fuse")
      guard let data = source?.dataStatistics else { return }
      monitor.debug(
        "fuse: data cache: \(data.cachedChunks) chunks (\(data.cachedBytes) bytes); \(data.hits) hits, "
          + "\(data.fetches) chunks (\(data.fetchedBytes) bytes) fetched, at most \(data.peakBytesInFlight) bytes at a time",
        logger: "borg.fuse")
    }
    let ending = try MountSignals.serve(
      fuse, foreground: foreground,
      MountSignals.Duties(tellStatistics: statistics) { repository.releaseFiles() })
    if ending != .terminated { fuse.unmount() }
    // Whoever still reads ahead need not wait for a line that may never come again.
    repository.close()
  }
}
