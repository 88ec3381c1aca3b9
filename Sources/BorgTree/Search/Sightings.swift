import BorgFormat

/// What was found so far: each content of each path once, however many blocks hold it, and the parts that do.
struct Sightings {
  /// A content under a path.
  struct Sighting {
    var content: SightedContent
    /// Of a later name of a hard link: the first name, by its number in `sources`; else `none`.
    var source: UInt32
    /// The sighting of the same path before; `none`: it was the first.
    var previous: UInt32
    var lastOccurrence: UInt32
  }

  struct Occurrence {
    var part: UInt32
    var sighting: UInt32
    /// The one of the same sighting before.
    var previous: UInt32
  }

  static let none = UInt32.max

  private(set) var paths = ByteTable()
  /// Paths of hard links' first names.
  private(set) var sources = ByteTable()
  private(set) var sightings: [Sighting] = []
  private(set) var occurrences: [Occurrence] = []
  /// By path: its last sighting.
  private var last: [UInt32] = []

  /// `source`: of a later name of a hard link whose content is its first name's.
  mutating func add(
    _ content: SightedContent, at path: UnsafeRawBufferPointer, source: UnsafeRawBufferPointer?,
    in parts: some Collection<UInt32>
  ) {
    guard !parts.isEmpty, let entry = paths.insert(path) else { return }
    if entry.isNew { last.append(Sightings.none) }
    let source = source.flatMap { sources.insert($0) }.map { UInt32($0.index) } ?? Sightings.none
    let sighting = sighting(content, of: entry.index, source)
    for part in parts {
      occurrences.append(
        Occurrence(part: part, sighting: sighting, previous: sightings[Int(sighting)].lastOccurrence))
      sightings[Int(sighting)].lastOccurrence = UInt32(occurrences.count - 1)
    }
  }

  /// More of a path's contents are not looked through: that one of them is there twice does no harm.
  private static let contentsToCompare = 16

  private mutating func sighting(_ content: SightedContent, of path: Int, _ source: UInt32) -> UInt32 {
    var number = last[path]
    var patience = Sightings.contentsToCompare
    while number != Sightings.none, patience > 0 {
      patience -= 1
      let known = sightings[Int(number)]
      if known.content == content, known.source == source { return number }
      number = known.previous
    }
    number = UInt32(sightings.count)
    sightings.append(
      Sighting(content: content, source: source, previous: last[path], lastOccurrence: Sightings.none))
    last[path] = number
    return number
  }

  /// Which of so many parts hold anything that was found.
  func parts(of count: Int) -> [Bool] {
    var parts = Array(repeating: false, count: count)
    for occurrence in occurrences { parts[Int(occurrence.part)] = true }
    return parts
  }

  /// The paths' numbers in the order of their bytes.
  func pathsInOrder() -> [Int] {
    (0..<paths.count).sorted { a, b in
      paths.withBytes(a) { a in paths.withBytes(b) { b in a.lexicographicallyPrecedes(b) } }
    }
  }

  /// Where a path was seen, in the order in which that was.
  func occurrences(of path: Int) -> [Int] {
    var found: [Int] = []
    var sighting = last[path]
    while sighting != Sightings.none {
      var occurrence = sightings[Int(sighting)].lastOccurrence
      while occurrence != Sightings.none {
        found.append(Int(occurrence))
        occurrence = occurrences[Int(occurrence)].previous
      }
      sighting = sightings[Int(sighting)].previous
    }
    found.sort()
    return found
  }
}

/// What tells versions apart, and what is told of them.
struct SightedContent: Equatable {
  var mode: UInt32
  var size: Int64
  var mtime: Int64
  var identity: UInt64

  /// Takes over what a hard link's names share and only the first one's item tells.
  mutating func become(_ first: SightedContent) {
    size = first.size
    identity = first.identity
  }
}

extension SightedContent {
  init(_ item: BlockItem) {
    mode = UInt32(item.mode)
    size = mode & FileType.mask == FileType.regular ? item.size : 0
    mtime = item.mtime
    identity = item.identity
  }

  init(_ item: borrowing ItemSummary) {
    mode = item.mode
    size = item.size
    mtime = item.mtime
    identity = item.identity
  }
}
