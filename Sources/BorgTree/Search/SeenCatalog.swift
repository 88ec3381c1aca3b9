import BorgFormat

/// What searches have seen so far: the segments there are, what their parts are called, and which archives are made of
/// these alone. It is the one record that is ever replaced. Of two processes that replace it at once the later counts:
/// what the other saw is then looked through again.
struct SeenCatalog {
  struct Segment {
    var id: ChunkID
    /// Its parts' numbers in the catalog. Each segment's begin where those of the one before end.
    var parts: Range<Int>
    var byteCount: Int
  }

  private(set) var segments: [Segment] = []
  /// Of a block its chunk's id, of a seam a hash of it.
  private(set) var parts: [ChunkID] = []
  /// The parts of each archive's stream, in its order.
  private(set) var archives: [ChunkID: [Range<UInt32>]] = [:]

  /// Of the catalog; segments have random ones.
  private static let id = ChunkID(words: (0, 0, 0, 0))

  init() {}

  /// What an index has.
  static func kept(in index: any TreeIndex) -> SeenCatalog {
    guard let record = index.load(.seenCatalog, id) else { return SeenCatalog() }
    if let catalog = SeenCatalog(record) { return catalog }
    index.discard(.seenCatalog, id)
    return SeenCatalog()
  }

  func keep(in index: any TreeIndex) { index.keep(bytes, .seenCatalog, SeenCatalog.id) }

  /// The segment with a number; nil: it is gone.
  func segment(_ number: Int, of index: any TreeIndex) -> SeenSegment? {
    let known = segments[number]
    guard let record = index.load(.seenSegment, known.id) else { return nil }
    if let segment = SeenSegment(record), segment.partCount == known.parts.count { return segment }
    index.discard(.seenSegment, known.id)
    return nil
  }

  /// Makes a segment of all that a builder has.
  mutating func add(_ builder: SeenSegmentBuilder, in index: any TreeIndex) {
    guard !builder.parts.isEmpty else { return }
    let first = parts.count
    parts += builder.parts
    segments.append(SeenCatalog.keep(builder, as: first..<parts.count, in: index))
  }

  private static func keep(
    _ builder: SeenSegmentBuilder, as parts: Range<Int>, in index: any TreeIndex
  ) -> Segment {
    var random = SystemRandomNumberGenerator()
    let id = ChunkID(words: (random.next(), random.next(), random.next(), random.next()))
    let bytes = builder.segment.bytes
    index.keep(bytes, .seenSegment, id)
    return Segment(id: id, parts: parts, byteCount: bytes.count)
  }

  /// Gives numbers to parts that `merge` will make a segment of.
  mutating func expect(_ parts: [ChunkID]) { self.parts += parts }

  mutating func add(_ archive: ChunkID, of runs: [Range<UInt32>]) {
    // More are not of a stream whose paths are all different.
    if runs.reduce(0, { $0 + $1.count }) <= parts.count { archives[archive] = runs }
  }

  mutating func removeArchives(where isGone: (ChunkID) -> Bool) { archives = archives.filter { !isGone($0.key) } }

  /// Which parts the archives are made of.
  func parts(of archives: some Sequence<ChunkID>) -> [Bool] {
    var held = Array(repeating: false, count: parts.count)
    for archive in archives {
      for run in self.archives[archive] ?? [] {
        for part in run { held[Int(part)] = true }
      }
    }
    return held
  }

  /// Removes a segment, and the archives that have any of its parts.
  mutating func remove(_ number: Int) {
    let lost = segments[number].parts
    archives = archives.filter { !$0.value.contains { lost.overlaps(Int($0.lowerBound)..<Int($0.upperBound)) } }
    renumber(keeping: segments.indices.filter { $0 != number }.map { (segments[$0], Array(segments[$0].parts)) })
  }

  /// Puts other segments in the place of these: each with what its parts were called in this catalog. All parts that
  /// archives are made of must be among them.
  private mutating func renumber(keeping kept: [(segment: Segment, parts: [Int])]) {
    var numbers = Array(repeating: UInt32(0), count: parts.count)
    let old = parts
    (segments, parts) = ([], [])
    for (segment, members) in kept {
      for member in members {
        numbers[member] = UInt32(parts.count)
        parts.append(old[member])
      }
      segments.append(
        Segment(id: segment.id, parts: parts.count - members.count..<parts.count, byteCount: segment.byteCount))
    }
    archives = archives.mapValues { runs in
      var moved: [Range<UInt32>] = []
      for part in runs.joined() { moved.append(number: numbers[Int(part)]) }
      return moved
    }
  }
}

// MARK: - Putting segments together

extension SeenCatalog {
  /// Makes a segment of what a builder has, whose parts are expected, together with older ones that are not much larger, so that there are never
  /// many. Of these only the parts stay that archives are made of.
  mutating func merge(_ builder: consuming SeenSegmentBuilder, in index: any TreeIndex) {
    let held = parts(of: archives.keys)
    var members = Array(parts.count - builder.parts.count..<parts.count)
    var sizes: [(segment: Int, byteCount: Int)] = []
    for (number, segment) in segments.enumerated() {
      let count = segment.parts.count { held[$0] }
      sizes.append((number, segment.byteCount / max(1, segment.parts.count) * count))
    }
    sizes.sort { $0.byteCount < $1.byteCount }
    var merged: Set<Int> = []
    for (number, byteCount) in sizes where byteCount < builder.byteCount * 2 && builder.hasRoom(for: byteCount) {
      guard let segment = segment(number, of: index) else { continue }
      let range = segments[number].parts
      builder.add(segment, Array(parts[range])) { held[range.lowerBound + $0] }
      members += range.filter { held[$0] }
      merged.insert(number)
    }
    var kept = segments.indices.filter { !merged.contains($0) }.map { (segments[$0], Array(segments[$0].parts)) }
    for number in merged { index.discard(.seenSegment, segments[number].id) }
    if !members.isEmpty { kept.append((SeenCatalog.keep(builder, as: 0..<members.count, in: index), members)) }
    renumber(keeping: kept)
  }
}

// MARK: - The record

extension SeenCatalog {
  private var bytes: [UInt8] {
    var record = RecordWriter()
    record.append(
      segments.map {
        SegmentRecord(id: $0.id.words, partCount: UInt64($0.parts.count), byteCount: UInt64($0.byteCount))
      })
    record.append(parts.map(\.words))
    let listed = archives.map { ($0.key, $0.value) }
    record.append(listed.map(\.0.words))
    record.append(listed.map { UInt64($0.1.count) })
    record.append(listed.flatMap { $0.1.map { Run(first: $0.lowerBound, end: $0.upperBound) } })
    return record.bytes
  }

  private struct SegmentRecord: BitwiseCopyable {
    var id: (UInt64, UInt64, UInt64, UInt64)
    var partCount: UInt64
    var byteCount: UInt64
  }

  private struct Run: BitwiseCopyable {
    var first: UInt32
    var end: UInt32
  }

  /// Nil: this is no catalog.
  private init?(_ bytes: [UInt8]) {
    typealias Words = (UInt64, UInt64, UInt64, UInt64)
    var record = RecordReader(bytes)
    guard let segments = record.next(SegmentRecord.self), let parts = record.next(Words.self),
      let ids = record.next(Words.self), let counts = record.next(UInt64.self), counts.count == ids.count,
      let runs = record.next(Run.self), record.isAtEnd
    else { return nil }
    self.parts = parts.map { ChunkID(words: $0) }
    var first = 0
    for segment in segments {
      guard segment.partCount <= UInt64(parts.count - first), segment.byteCount <= UInt64(Int32.max) else { return nil }
      let end = first + Int(segment.partCount)
      self.segments.append(
        Segment(id: ChunkID(words: segment.id), parts: first..<end, byteCount: Int(segment.byteCount)))
      first = end
    }
    guard first == parts.count else { return nil }
    var rest = runs[...]
    for (id, count) in zip(ids, counts) {
      guard count <= UInt64(rest.count) else { return nil }
      let own = rest.prefix(Int(count))
      guard own.allSatisfy({ $0.first < $0.end && $0.end <= parts.count }) else { return nil }
      add(ChunkID(words: id), of: own.map { $0.first..<$0.end })
      rest = rest.dropFirst(own.count)
    }
    guard rest.isEmpty else { return nil }
  }
}
