/// The blocks and seams that archives are made of, numbered as a search comes upon them, and which archives hold which.
struct SearchedParts {
  enum Content {
    case block(UInt32)
    /// Held, so that its identity stays its own.
    case seam(LoadedBlock)
    /// All items of one archive.
    case archive(TreeArchive)
  }

  private(set) var contents: [Content] = []
  /// By the blocks' numbers.
  private var blocks: [UInt32] = []
  private var seams: [ObjectIdentifier: UInt32] = [:]
  /// What each archive is made of, in its stream's order. Archives in a row are mostly of long runs of the same.
  private var archives: [Int: [Range<UInt32>]] = [:]

  private static let none = UInt32.max

  var count: Int { contents.count }

  func part(of content: ArchiveAssembly.Part.Content) -> UInt32? {
    switch content {
    case .block(let number):
      Int(number) < blocks.count && blocks[Int(number)] != SearchedParts.none ? blocks[Int(number)] : nil
    case .seam(let seam): seams[ObjectIdentifier(seam)]
    }
  }

  mutating func add(_ content: ArchiveAssembly.Part.Content) -> UInt32 {
    let part = UInt32(contents.count)
    switch content {
    case .block(let number):
      contents.append(.block(number))
      while blocks.count <= Int(number) { blocks.append(SearchedParts.none) }
      blocks[Int(number)] = part
    case .seam(let seam):
      contents.append(.seam(seam))
      seams[ObjectIdentifier(seam)] = part
    }
    return part
  }

  /// A part for the items of one archive that is read item by item.
  mutating func add(_ archive: TreeArchive, _ ordinal: Int) -> UInt32 {
    let part = UInt32(contents.count)
    contents.append(.archive(archive))
    archives[ordinal] = [part..<part + 1]
    return part
  }

  mutating func set(_ runs: [Range<UInt32>], of archive: Int) { archives[archive] = runs }

  /// For each part that is wanted the archives that hold it, ascending.
  func holders(where isWanted: (UInt32) -> Bool) -> [UInt32: [UInt32]] {
    let wanted = contents.indices.map { isWanted(UInt32($0)) }
    var holders: [UInt32: [UInt32]] = [:]
    for (archive, runs) in archives.sorted(by: { $0.key < $1.key }) {
      for part in runs.joined() where wanted[Int(part)] && holders[part]?.last != UInt32(archive) {
        holders[part, default: []].append(UInt32(archive))
      }
    }
    return holders
  }
}

extension [Range<UInt32>] {
  /// Appends a number, as part of the last range when it goes on from there.
  mutating func append(number: UInt32) {
    if let last, last.upperBound == number {
      self[count - 1] = last.lowerBound..<number + 1
    } else {
      append(number..<number + 1)
    }
  }
}
