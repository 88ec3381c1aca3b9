import BorgFormat
import Synchronization

/// One archive's place in the repository's tree.
final class ArchiveSlot: Sendable {
  let archive: TreeArchive
  let tag: UInt32
  let directory: UInt64
  /// In archives read until then.
  let lastUse = Atomic<Int>(0)
  private let store: BlockStore
  private let options: TreeOptions
  private let deferred: Deferred<ArchiveTree>
  /// What is known from when the archive was read before: of its directory, and of all its items.
  private let earlier: (attributes: Attributes, kinds: AttributeKinds)?

  init(
    _ archive: TreeArchive, _ tag: UInt32, _ store: BlockStore, _ options: TreeOptions,
    earlier: (attributes: Attributes, kinds: AttributeKinds)? = nil
  ) {
    self.archive = archive
    self.tag = tag
    self.store = store
    self.earlier = earlier
    let base = InodeNumber.base(tag)
    directory = base | 1
    self.options = options
    deferred = Deferred { () throws(TreeError) in
      try ArchiveTree(of: archive, from: store, options: options, base: base, parentOfRoot: InodeNumber.root)
    }
  }

  /// The place in the root after this archive: 1 and 2 are those after the dots.
  var position: UInt64 { UInt64(tag) + 2 }

  var loaded: ArchiveTree? { deferred.known }
  /// Whether the archive was ever read.
  var wasRead: Bool { loaded != nil || earlier != nil }
  /// Nil: the archive was never read.
  var attributeKinds: AttributeKinds? { loaded?.attributeKinds ?? earlier?.kinds }

  func tree() throws(TreeError) -> ArchiveTree { try deferred.value() }

  /// The same place, for the archive to be read again when it is next looked into.
  func unread() -> ArchiveSlot {
    ArchiveSlot(archive, tag, store, options, earlier: loaded.map { (attributes, $0.attributeKinds) } ?? earlier)
  }

  /// The directory's own attributes, without reading the archive; its time is the archive's start.
  var attributes: Attributes {
    let tree = deferred.known
    var attributes =
      if let known = try? tree?.attributes(of: directory) { known } else {
        earlier?.attributes ?? options.syntheticDirectory(inode: directory, time: archive.start)
      }
    attributes.generation = InodeNumber.generation([archive])
    attributes.areFinal = tree != nil || earlier != nil
    attributes.mayVanish = true
    return attributes
  }
}
