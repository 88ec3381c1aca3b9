import BorgFormat

/// One archive put together from blocks: which blocks, in which order, and its directories. The files stay in the blocks.
struct ArchiveAssembly: Sendable {
  var parts: [Part] = []
  var directories: [Directory] = []
  var pieces: [Piece] = []
  /// Items that are directories, in order.
  var directoryItems: [DirectoryItem] = []
  /// Their owners as they are stored. The names lie in the arena.
  var owners: [BlockOwner] = []
  /// Later names of hard links, ascending, and the item each stands for.
  var links: [(item: UInt32, object: UInt32)] = []
  /// How many names an item with more than one has.
  var linkCounts: [UInt32: UInt32] = [:]
  var slots = SlotTable()
  /// The directories' paths and the owners' names.
  var arena: [UInt8] = []
  var itemCount: UInt32 = 0
  var hasDamagedFiles = false
  var attributeKinds: AttributeKinds = []

  static let none = UInt32.max

  /// A block's place in the archive.
  struct Part: Sendable {
    /// The block: that of the stream's chunk `chunk`, by its number in the store, or one of items that lie across chunks.
    enum Content: Sendable {
      case block(UInt32)
      case seam(LoadedBlock)
    }

    var content: Content
    var firstItem: UInt32
    /// The stream chunk whose bytes the block's are; of a seam the one it ends in.
    var chunk: UInt32
    /// Of a seam: where its bytes come from.
    var sources: [Source]

    init(_ content: Content, firstItem: UInt32, chunk: UInt32, sources: [Source] = []) {
      self.content = content
      self.firstItem = firstItem
      self.chunk = chunk
      self.sources = sources
    }

    /// Where in the stream an item of the block lies.
    func location(of item: BlockItem) -> ItemLocation {
      let location = ItemLocation(firstChunk: chunk, offset: item.offset, length: item.length)
      guard let source = sources.last(where: { $0.start <= item.offset }) else { return location }
      return ItemLocation(
        firstChunk: source.chunk, offset: source.offset &+ item.offset &- source.start, length: item.length)
    }
  }

  /// From `start` on a block's bytes are those of a chunk from `offset` on.
  struct Source: BitwiseCopyable {
    var start: UInt32
    var chunk: UInt32
    var offset: UInt32
  }

  struct Directory: BitwiseCopyable {
    var pathHash: UInt64
    var pathStart: UInt32
    var pathLength: UInt32
    var parent: UInt32
    /// The place among the items that are directories of the one that describes it.
    var description = ArchiveAssembly.none
    var firstPiece = ArchiveAssembly.none
    var lastPiece = ArchiveAssembly.none
    /// How many of its pieces have names of others than directories.
    var blockCount: UInt32 = 0
    /// Not 0: its parent has a piece for it.
    var marker: UInt32 = 0
  }

  /// An item that is a directory, with all that a listing shows of it: directories are found and shown without a block.
  struct DirectoryItem: BitwiseCopyable {
    var mtime: Int64
    var ctime: Int64
    var atime: Int64
    var location: ItemLocation
    var item: UInt32
    var directory: UInt32
    /// The piece that has its name; `none` for the root.
    var piece = ArchiveAssembly.none
    /// The place of the piece's next one.
    var next = ArchiveAssembly.none
    var owner: UInt32
    var mode: UInt16
    var flags: BlockItemFlags
    // Nothing that is kept may be of undefined value.
    private var padding: UInt8 = 0
    private var morePadding: UInt32 = 0

    init(_ item: BlockItem, number: UInt32, directory: UInt32, atime: Int64, owner: UInt32, location: ItemLocation) {
      mtime = item.mtime
      ctime = item.ctime
      self.atime = atime
      self.location = location
      self.item = number
      self.directory = directory
      self.owner = owner
      mode = item.mode
      flags = item.flags
    }
  }

  /// What one block has of a directory; or a directory in it that no item describes.
  struct Piece: BitwiseCopyable {
    /// `none` for a directory.
    var part: UInt32
    var directory: UInt32
    var next = ArchiveAssembly.none
    /// The place of the first item that is a directory.
    var firstDirectory = ArchiveAssembly.none
    /// Not 0: it has names of others, too, which only the block knows.
    var hasOthers: UInt32 = 0
  }

  var byteCount: Int {
    parts.capacity * MemoryLayout<Part>.stride + directories.capacity * MemoryLayout<Directory>.stride
      + pieces.capacity * MemoryLayout<Piece>.stride + directoryItems.capacity * MemoryLayout<DirectoryItem>.stride
      + owners.capacity * MemoryLayout<BlockOwner>.stride + links.capacity * 8
      + linkCounts.capacity * 12 + slots.byteCount + arena.capacity
  }

  func path(_ directory: UInt32) -> ArraySlice<UInt8> {
    bytes(directories[Int(directory)].pathStart, directories[Int(directory)].pathLength)
  }

  /// The directory with this path.
  func directory(_ path: UnsafeRawBufferPointer, hash: UInt64) -> UInt32? {
    arena.withUnsafeBytes { arena in
      slots.first(hash: ArchiveAssembly.slotHash(hash)) { number in
        let directory = directories[Int(number)]
        guard directory.pathHash == hash else { return false }
        let start = Int(directory.pathStart)
        return equal(UnsafeRawBufferPointer(rebasing: arena[start..<start + Int(directory.pathLength)]), path)
      }
    }
  }

  /// The directory of this name in another one.
  func directory(_ name: UnsafeRawBufferPointer, in parent: UInt32, hash: NameHash) -> UInt32? {
    guard !name.isEmpty, !name.contains(TreePath.separator) else { return nil }
    var path = Array(path(parent))
    if !path.isEmpty { path.append(TreePath.separator) }
    path.append(contentsOf: name)
    return path.withUnsafeBytes { directory($0, hash: hash.wide($0)) }
  }

  static func slotHash(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash ^ hash >> 32) }
}

extension ArchiveAssembly {
  /// An item as one that is a directory.
  func directoryItem(_ item: UInt32) -> DirectoryItem? {
    firstPlace(of: directoryItems.count) { directoryItems[$0].item < item }.flatMap {
      directoryItems[$0].item == item ? directoryItems[$0] : nil
    }
  }

  /// The item that describes a directory.
  func description(of directory: UInt32) -> DirectoryItem? {
    let place = directories[Int(directory)].description
    return place == ArchiveAssembly.none ? nil : directoryItems[Int(place)]
  }

  /// What blocks have of a directory, in order, and those in it that no item describes.
  func pieces(of directory: UInt32) -> some Sequence<(number: UInt32, piece: Piece)> {
    sequence(state: directories[Int(directory)].firstPiece) { next in
      guard next != ArchiveAssembly.none else { return nil }
      let number = next
      next = pieces[Int(number)].next
      return (number, pieces[Int(number)])
    }
  }

  func bytes(_ start: UInt32, _ count: UInt32) -> ArraySlice<UInt8> { arena[Int(start)..<Int(start) + Int(count)] }

  /// The item that a later name of a hard link stands for.
  func object(ofLink item: UInt32) -> UInt32? {
    firstPlace(of: links.count) { links[$0].item < item }.flatMap {
      links[$0].item == item ? links[$0].object : nil
    }
  }

  /// The part that holds an item.
  func part(ofItem item: UInt32) -> Int {
    (firstPlace(of: parts.count) { parts[$0].firstItem <= item } ?? parts.count) - 1
  }

  func itemCount(ofPart part: Int) -> Int {
    Int((part + 1 < parts.count ? parts[part + 1].firstItem : itemCount) - parts[part].firstItem)
  }
}

/// The first of `count` places where `isBefore` is false; nil: there is none. It must not turn true again.
func firstPlace(of count: Int, _ isBefore: (Int) -> Bool) -> Int? {
  var (low, high) = (0, count)
  while low < high {
    let middle = (low + high) / 2
    if isBefore(middle) { low = middle + 1 } else { high = middle }
  }
  return low < count ? low : nil
}
