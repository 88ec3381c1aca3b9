import BorgFormat

/// One archive put together from blocks: which blocks, in which order, and its directories. The files stay in the blocks.
struct ArchiveAssembly: Sendable {
  var parts: [Part] = []
  var directories: [Directory] = []
  var pieces: [Piece] = []
  /// Items that are directories, ascending, and which directory each is.
  var directoryItems: [(item: UInt32, directory: UInt32)] = []
  /// Later names of hard links, ascending, and the item each stands for.
  var links: [(item: UInt32, object: UInt32)] = []
  /// How many names an item with more than one has.
  var linkCounts: [UInt32: UInt32] = [:]
  var slots = SlotTable()
  /// The directories' paths.
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
    /// The item that describes it.
    var item = ArchiveAssembly.none
    var firstPiece = ArchiveAssembly.none
    var lastPiece = ArchiveAssembly.none
    var pieceCount: UInt32 = 0
    /// Not 0: its parent has a piece for it.
    var marker: UInt32 = 0
  }

  /// What one block has of a directory; or a directory in it that no item describes.
  struct Piece: BitwiseCopyable {
    /// `none` for a directory.
    var part: UInt32
    var directory: UInt32
    var next = ArchiveAssembly.none
  }

  var byteCount: Int {
    parts.capacity * MemoryLayout<Part>.stride + directories.capacity * MemoryLayout<Directory>.stride
      + pieces.capacity * MemoryLayout<Piece>.stride + directoryItems.capacity * 8 + links.capacity * 8
      + linkCounts.capacity * 12 + slots.byteCount + arena.capacity
  }

  func path(_ directory: UInt32) -> ArraySlice<UInt8> {
    let start = Int(directories[Int(directory)].pathStart)
    return arena[start..<start + Int(directories[Int(directory)].pathLength)]
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

  static func slotHash(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash ^ hash >> 32) }
}

extension ArchiveAssembly {
  /// The directory that an item is.
  func directory(ofItem item: UInt32) -> UInt32? {
    firstPlace(of: directoryItems.count) { directoryItems[$0].item < item }.flatMap {
      directoryItems[$0].item == item ? directoryItems[$0].directory : nil
    }
  }

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
