/// The blocks and seams that archives are made of, numbered as a search comes upon them, and which archives hold which.
struct SearchedParts {
  enum Content {
    /// A block or seam that the index has what was seen of.
    case seen
    case block(UInt32)
    /// Held, so that its identity stays its own.
    case seam(LoadedBlock)
    /// All items of one archive.
    case archive(TreeArchive)
  }

  private(set) var contents: [Content]
  /// Which parts come first, without being looked through.
  let seenCount: Int
  /// By the blocks' numbers.
  private var blocks: [UInt32] = []
  private var seams: [ObjectIdentifier: UInt32] = [:]
  /// What each archive is made of, in its stream's order. Archives in a row are mostly of long runs of the same.
  private var archives: [Int: [Range<UInt32>]] = [:]

  private static let none = UInt32.max

  /// `seenCount`: so many parts are known already.
  init(seenCount: Int = 0) {
    self.seenCount = seenCount
    contents = Array(repeating: .seen, count: seenCount)
  }

  /// What was looked through.
  var count: Int { contents.count - seenCount }

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
      set(part, ofBlock: number)
    case .seam(let seam):
      contents.append(.seam(seam))
      seams[ObjectIdentifier(seam)] = part
    }
    return part
  }

  /// Tells which part a block is.
  mutating func set(_ part: UInt32, ofBlock number: UInt32) {
    while blocks.count <= Int(number) { blocks.append(SearchedParts.none) }
    blocks[Int(number)] = part
  }

  /// A part for the items of one archive that is read item by item.
  mutating func add(_ archive: TreeArchive, _ ordinal: Int) -> UInt32 {
    let part = UInt32(contents.count)
    contents.append(.archive(archive))
    archives[ordinal] = [part..<part + 1]
    return part
  }

  mutating func set(_ runs: [Range<UInt32>], of archive: Int) { archives[archive] = runs }

  func runs(of archive: Int) -> [Range<UInt32>]? { archives[archive] }

  /// Whether one of an archive's parts lies before another one.
  func lies(_ first: UInt32, before second: UInt32, in archive: UInt32) -> Bool {
    (lastPlace(of: first, in: Int(archive)) ?? 0) < (lastPlace(of: second, in: Int(archive)) ?? 0)
  }

  private func lastPlace(of part: UInt32, in archive: Int) -> Int? {
    var (place, start): (Int?, Int) = (nil, 0)
    for run in archives[archive] ?? [] {
      if run.contains(part) { place = start + Int(part - run.lowerBound) }
      start += run.count
    }
    return place
  }

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
