import BorgFormat
import Glibc
import Synchronization

/// One archive's place in the repository's tree.
final class ArchiveSlot: Sendable {
  let archive: TreeArchive
  let tag: UInt32
  let directory: UInt64
  private let base: UInt64
  private let store: BlockStore
  private let options: TreeOptions
  private let built = AtomicLazyReference<ArchiveTree>()
  /// Held while building.
  private let failure = Mutex<Failure?>(nil)

  /// An archive that could not be read: what was missing may come back, but not with every call.
  private struct Failure {
    var error: TreeError
    var time: Int
  }

  private static let secondsToRetry = 5

  init(_ archive: TreeArchive, _ tag: UInt32, _ store: BlockStore, _ options: TreeOptions) {
    self.archive = archive
    self.tag = tag
    base = InodeNumber.base(tag)
    directory = base | 1
    self.store = store
    self.options = options
  }

  /// The place in the root after this archive: 1 and 2 are those after the dots.
  var position: UInt64 { UInt64(tag) + 2 }

  var loaded: ArchiveTree? { built.load() }

  func tree() throws(TreeError) -> ArchiveTree {
    if let tree = built.load() { return tree }
    return try failure.withLock { (failure) throws(TreeError) in
      if let tree = built.load() { return tree }
      if let failure, failure.time > secondsSinceBoot() - ArchiveSlot.secondsToRetry { throw failure.error }
      do throws(TreeError) {
        return built.storeIfNil(
          try ArchiveTree(
            of: archive, from: store, options: options, base: base, parentOfRoot: InodeNumber.root))
      } catch {
        failure = Failure(error: error, time: secondsSinceBoot())
        throw error
      }
    }
  }

  /// The directory's own attributes, without reading the archive; its time is the archive's start.
  var attributes: Attributes {
    var attributes =
      if let tree = built.load(), let known = try? tree.attributes(of: directory) { known } else {
        options.syntheticDirectory(inode: directory, time: archive.start)
      }
    attributes.areFinal = built.load() != nil
    attributes.mayVanish = true
    return attributes
  }
}

private func secondsSinceBoot() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec
}
