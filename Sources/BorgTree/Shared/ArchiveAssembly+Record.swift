import BorgFormat

/// An assembly as an index keeps it, in two records. The chain is enough to go through all of an archive's items; the
/// directories are for looking names up.
extension ArchiveAssembly {
  /// The assembly of an archive that was put together before; nil: the index has none.
  static func kept(_ archive: ChunkID, _ store: BlockStore) -> ArchiveAssembly? {
    guard let index = store.source.index, let record = index.load(.directories, archive),
      let parts = keptParts(archive, store)
    else { return nil }
    var assembly = ArchiveAssembly()
    assembly.parts = parts.parts
    assembly.itemCount = parts.itemCount
    if assembly.readDirectories(record), assembly.isSound { return assembly }
    index.discard(.directories, archive)
    return nil
  }

  /// The parts of such an archive's stream.
  static func keptParts(_ archive: ChunkID, _ store: BlockStore) -> (parts: [Part], itemCount: UInt32)? {
    guard let index = store.source.index, let record = index.load(.chain, archive) else { return nil }
    if let parts = ChainRecord(record)?.parts(in: store) { return parts }
    index.discard(.chain, archive)
    return nil
  }

  func keep(_ archive: ChunkID, _ store: BlockStore) {
    ArchiveAssembly.keep(parts, itemCount, of: archive, store)
    store.source.index?.keep(directoriesRecord, .directories, archive)
  }

  static func keep(_ parts: [Part], _ itemCount: UInt32, of archive: ChunkID, _ store: BlockStore) {
    store.source.index?.keep(ChainRecord(parts, itemCount, store).bytes, .chain, archive)
  }

  private var directoriesRecord: [UInt8] {
    var record = RecordWriter()
    record.append([hasDamagedFiles ? 1 : 0, attributeKinds.rawValue] as [UInt32])
    record.append(directories)
    record.append(pieces)
    record.append(directoryItems)
    record.append(owners)
    record.append(links)
    record.append(linkCounts.map { ($0.key, $0.value) })
    record.append(slots.image)
    record.append(arena)
    return record.bytes
  }

  private mutating func readDirectories(_ bytes: [UInt8]) -> Bool {
    var record = RecordReader(bytes)
    guard let flags = record.next(UInt32.self), flags.count == 2,
      let directories = record.next(Directory.self), let pieces = record.next(Piece.self),
      let directoryItems = record.next(DirectoryItem.self), let owners = record.next(BlockOwner.self),
      let links = record.next((item: UInt32, object: UInt32).self),
      let linkCounts = record.next((UInt32, UInt32).self),
      let slots = record.next(UInt32.self).flatMap({ SlotTable(image: $0, below: directories.count) }),
      let arena = record.next(UInt8.self), record.isAtEnd
    else { return false }
    hasDamagedFiles = flags[0] != 0
    attributeKinds = AttributeKinds(rawValue: flags[1])
    self.directories = directories
    self.pieces = pieces
    self.directoryItems = directoryItems
    self.owners = owners
    self.links = links
    self.linkCounts = Dictionary(linkCounts, uniquingKeysWith: { _, last in last })
    self.slots = slots
    self.arena = arena
    return true
  }

  /// Whether nothing points beyond what there is, and every chain comes to an end.
  private var isSound: Bool {
    guard !directories.isEmpty, isAscending(directoryItems.map(\.item)), isAscending(links.map(\.item)) else {
      return false
    }
    func holds(_ start: UInt32, _ length: UInt32) -> Bool {
      UInt64(start) + UInt64(length) <= UInt64(arena.count)
    }
    func isPlace(_ place: UInt32) -> Bool { place == ArchiveAssembly.none || place < directoryItems.count }
    func isPiece(_ piece: UInt32) -> Bool { piece == ArchiveAssembly.none || piece < pieces.count }
    for (number, directory) in directories.enumerated() {
      guard holds(directory.pathStart, directory.pathLength),
        number == 0 ? directory.parent == 0 : directory.parent < number,
        isPlace(directory.description), isPiece(directory.firstPiece)
      else { return false }
    }
    for (number, piece) in pieces.enumerated() {
      guard piece.part != ArchiveAssembly.none ? piece.part < parts.count : piece.directory < directories.count,
        isPiece(piece.next), piece.next > number, areDirectories(of: piece, number)
      else { return false }
    }
    for item in directoryItems {
      guard item.item < itemCount, item.directory < directories.count, item.owner < owners.count,
        isPiece(item.piece)
      else { return false }
    }
    return owners.allSatisfy { $0.areNames(holds) }
      && links.allSatisfy { $0.item < itemCount && $0.object < itemCount }
  }

  /// Whether a piece's chain of directories comes to an end and leads back to it.
  private func areDirectories(of piece: Piece, _ number: Int) -> Bool {
    var (place, last) = (piece.firstDirectory, -1)
    while place != ArchiveAssembly.none {
      guard place > last, place < directoryItems.count, directoryItems[Int(place)].piece == number else { return false }
      (last, place) = (Int(place), directoryItems[Int(place)].next)
    }
    return true
  }

  private func isAscending(_ numbers: [UInt32]) -> Bool { zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 } }
}

/// The parts of an archive's stream as they are kept: blocks by their chunks' ids, seams with their images.
private struct ChainRecord {
  private var header: [UInt32]
  private var parts: [Part] = []
  private var sources: [ArchiveAssembly.Source] = []
  private var ids: [(UInt64, UInt64, UInt64, UInt64)] = []
  private var images: [UInt8] = []

  private struct Part: BitwiseCopyable {
    var firstItem: UInt32
    var chunk: UInt32
    /// Of a block: where the chunk's first item begins; of a seam: the length of its image.
    var value: UInt32
    /// Of a seam, never 0.
    var sourceCount: UInt32
  }

  init(_ parts: [ArchiveAssembly.Part], _ itemCount: UInt32, _ store: BlockStore) {
    header = [itemCount]
    for part in parts {
      switch part.content {
      case .block(let number):
        let origin = store.origin(of: number)
        ids.append(origin.id.words)
        self.parts.append(Part(firstItem: part.firstItem, chunk: part.chunk, value: origin.start, sourceCount: 0))
      case .seam(let seam):
        let image = seam.block.imageBytes
        images += image
        sources += part.sources
        self.parts.append(
          Part(
            firstItem: part.firstItem, chunk: part.chunk, value: UInt32(image.count),
            sourceCount: UInt32(part.sources.count)))
      }
    }
  }

  init?(_ bytes: [UInt8]) {
    var record = RecordReader(bytes)
    guard let header = record.next(UInt32.self), header.count == 1, let parts = record.next(Part.self),
      let sources = record.next(ArchiveAssembly.Source.self),
      let ids = record.next((UInt64, UInt64, UInt64, UInt64).self), let images = record.next(UInt8.self),
      record.isAtEnd
    else { return nil }
    self.header = header
    self.parts = parts
    self.sources = sources
    self.ids = ids
    self.images = images
  }

  var bytes: [UInt8] {
    var record = RecordWriter()
    record.append(header)
    record.append(parts)
    record.append(sources)
    record.append(ids)
    record.append(images)
    return record.bytes
  }

  /// Nil: this is no chain of parts.
  func parts(in store: BlockStore) -> (parts: [ArchiveAssembly.Part], itemCount: UInt32)? {
    guard isAscending, let numbers = blockNumbers(in: store) else { return nil }
    var result: [ArchiveAssembly.Part] = []
    result.reserveCapacity(parts.count)
    var (source, image) = (0, 0)
    for (place, part) in parts.enumerated() {
      if let number = numbers[place] {
        result.append(ArchiveAssembly.Part(.block(number), firstItem: part.firstItem, chunk: part.chunk))
        continue
      }
      guard Int(part.sourceCount) <= sources.count - source, Int(part.value) <= images.count - image,
        let block = MetadataBlock(image: Array(images[image..<image + Int(part.value)]))
      else { return nil }
      let seam =
        neighbours(of: place, numbers).map { store.seam(between: $0.0, and: $0.1) { block } } ?? store.seam(block)
      result.append(
        ArchiveAssembly.Part(
          .seam(seam), firstItem: part.firstItem, chunk: part.chunk,
          sources: Array(sources[source..<source + Int(part.sourceCount)])))
      source += Int(part.sourceCount)
      image += Int(part.value)
    }
    return (result, header[0])
  }

  private var isAscending: Bool {
    var end: UInt32 = 0
    for (place, part) in parts.enumerated() {
      guard place == 0 ? part.firstItem == 0 : part.firstItem > end else { return false }
      end = part.firstItem
    }
    return parts.isEmpty ? header[0] == 0 : end < header[0]
  }

  /// The store's number of each part that is a chunk's block; nil: there are fewer ids than these.
  private func blockNumbers(in store: BlockStore) -> [UInt32?]? {
    guard parts.count(where: { $0.sourceCount == 0 }) == ids.count else { return nil }
    var ids = ids[...]
    return parts.map { part in
      guard part.sourceCount == 0, let id = ids.popFirst() else { return nil }
      return store.number(of: ChunkID(words: id), start: part.value)
    }
  }

  /// The blocks on both sides of a seam whose bytes are these blocks' alone.
  private func neighbours(of place: Int, _ numbers: [UInt32?]) -> (UInt32, UInt32)? {
    guard place > 0, place + 1 < parts.count, let before = numbers[place - 1], let after = numbers[place + 1],
      parts[place - 1].chunk &+ 1 == parts[place].chunk, parts[place + 1].chunk == parts[place].chunk
    else { return nil }
    return (before, after)
  }
}
