import BorgFormat

/// Listing a directory: piece after piece, those that have directories alone without a block.
extension SharedArchive {
  /// Where in a piece a listing begins.
  private enum Start {
    case first
    /// Of a piece that only the block knows.
    case item(UInt16)
    /// Of a piece that has directories alone: a place among the items that are directories.
    case directory(UInt32)
    case end
  }

  func forEachName(
    in directory: UInt32, after position: UInt32?, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError) {
    var (number, start) = try start(directory, position)
    while number != ArchiveAssembly.none {
      let piece = assembly.pieces[Int(number)]
      guard try forEachName(of: piece, from: start, body) else { return }
      number = piece.next
      start = .first
    }
  }

  /// Where a listing goes on after a name: in which piece, and where in it.
  private func start(_ directory: UInt32, _ position: UInt32?) throws(TreeError) -> (piece: UInt32, start: Start) {
    let first = assembly.directories[Int(directory)].firstPiece
    guard let position else { return (first, .first) }
    guard position & SharedArchive.itemBit != 0 else {
      return (try piece(of: directory, part: ArchiveAssembly.none, local: position), .end)
    }
    let number = position & ~SharedArchive.itemBit
    guard number < assembly.itemCount else { throw .noSuchEntry }
    if let item = assembly.directoryItem(number), item.piece != ArchiveAssembly.none,
      assembly.directories[Int(item.directory)].parent == directory, assembly.pieces[Int(item.piece)].hasOthers == 0
    {
      return (item.piece, .directory(item.next))
    }
    let found = try record(number)
    let piece = try piece(of: directory, part: UInt32(found.part), local: UInt32(found.item.directory))
    return (piece, .item(found.item.next))
  }

  private func piece(of directory: UInt32, part: UInt32, local: UInt32) throws(TreeError) -> UInt32 {
    for (number, piece) in assembly.pieces(of: directory) where piece.part == part && piece.directory == local {
      return number
    }
    throw .noSuchEntry
  }

  private func forEachName(
    of piece: ArchiveAssembly.Piece, from start: Start, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError) -> Bool {
    switch (piece.part, start) {
    case (_, .end): true
    case (ArchiveAssembly.none, _): try forMarker(piece.directory, body)
    case (_, .item(let item)): try forEachItem(of: piece, from: item, body)
    case (_, .directory(let place)): forEachDirectory(from: place, body)
    case (_, .first) where piece.hasOthers == 0: forEachDirectory(from: piece.firstDirectory, body)
    case (_, .first): try forEachItem(of: piece, from: nil, body)
    }
  }

  /// The name of a directory that no item describes; one that does has a place of its own.
  private func forMarker(_ directory: UInt32, _ body: (borrowing NodeName) -> Bool) throws(TreeError) -> Bool {
    guard assembly.directories[Int(directory)].description == ArchiveAssembly.none else { return true }
    let description = try directoryDescription(directory)
    return withLastElement(directory) {
      body(NodeName(name: $0, position: directory, object: directory, description: description))
    }
  }

  private func forEachDirectory(from place: UInt32, _ body: (borrowing NodeName) -> Bool) -> Bool {
    var next = place
    while next != ArchiveAssembly.none {
      let item = assembly.directoryItems[Int(next)]
      let goesOn = withLastElement(item.directory) {
        body(
          NodeName(
            name: $0, position: SharedArchive.itemBit | item.item, object: item.directory,
            description: description(item)))
      }
      guard goesOn else { return false }
      next = item.next
    }
    return true
  }

  func forEachItem(
    of piece: ArchiveAssembly.Piece, from first: UInt16?, _ body: (borrowing NodeName) -> Bool
  ) throws(TreeError) -> Bool {
    let part = assembly.parts[Int(piece.part)]
    let loaded = try block(piece.part)
    guard piece.directory < loaded.block.header.directoryCount else { throw .noSuchEntry }
    var next = first ?? loaded.block.directory(Int(piece.directory)).first
    while next != BlockItem.none {
      let item = loaded.block.item(Int(next))
      let number = part.firstItem + UInt32(next)
      let object = object(number)
      let description =
        item.flags.contains(.isLink)
        ? try itemDescription(object & ~SharedArchive.itemBit) : description(item, number, part, loaded)
      let name = NodeName(
        name: loaded.block.name(item), position: SharedArchive.itemBit | number, object: object,
        description: description)
      guard body(name) else { return false }
      next = item.next
    }
    return true
  }

  private func withLastElement<R>(_ directory: UInt32, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let path = assembly.path(directory)
    let start = path.lastIndex(of: TreePath.separator).map { $0 + 1 } ?? path.startIndex
    return path[start...].withUnsafeBytes { body($0) }
  }
}
