import BorgFormat

/// What the index has of earlier searches, and what is new in this one.
struct SeenParts {
  let index: any TreeIndex
  var catalog: SeenCatalog
  private var builder: SeenSegmentBuilder
  /// The catalog's parts by what they are called, made when somebody asks.
  private var numbers: [ChunkID: UInt32]?
  /// The numbers that the catalog will have for parts of this search beyond its own.
  private var newNumbers: [UInt32: UInt32] = [:]

  init(_ index: any TreeIndex, _ hash: NameHash) {
    self.index = index
    catalog = SeenCatalog.kept(in: index)
    builder = SeenSegmentBuilder(hash)
  }

  /// The number of a part that the catalog had at the start of the search.
  mutating func number(of id: ChunkID) -> UInt32? {
    if let numbers { return numbers[id] }
    let made = Dictionary(catalog.parts.enumerated().map { ($1, UInt32($0)) }) { first, _ in first }
    numbers = made
    return made[id]
  }

  /// A block or seam that is called this was looked through, as a part of the search.
  mutating func add(_ block: MetadataBlock, called id: ChunkID, as part: UInt32) {
    _ = number(of: id)
    if builder.isFull {
      catalog.add(builder, in: index)
      builder.clear()
    }
    newNumbers[part] = UInt32(catalog.parts.count + builder.parts.count)
    builder.add(block, called: id)
  }

  /// Keeps what is new. `archives`: those that were followed, with the parts of the search that they are made of, of
  /// which the first `seenCount` are the catalog's. `stored`: all that there are, nil: nobody knows.
  mutating func keep(
    _ archives: [(id: ChunkID, runs: [Range<UInt32>])], _ seenCount: Int, stored: Set<ChunkID>?
  ) {
    let known = archives.compactMap { archive -> (id: ChunkID, runs: [Range<UInt32>])? in
      let numbers = archive.runs.joined().map { Int($0) < seenCount ? $0 : newNumbers[$0] }
      // An archive that was read item by item has a part that is nobody else's.
      guard !numbers.contains(nil) else { return nil }
      var runs: [Range<UInt32>] = []
      for case let number? in numbers { runs.append(number: number) }
      return (archive.id, runs)
    }
    guard !known.isEmpty || !builder.parts.isEmpty else { return }
    catalog.expect(builder.parts)
    for (id, runs) in known { catalog.add(id, of: runs) }
    if let stored { catalog.removeArchives { !stored.contains($0) } }
    catalog.merge(builder, in: index)
    catalog.keep(in: index)
  }
}

extension ArchiveSearch {
  /// Looks through what earlier searches saw; returns the ordinals of the archives that they had not seen whole.
  func recall(_ archives: [TreeArchive]) -> [Int] {
    guard let index = seen?.index else { return Array(archives.indices) }
    while let catalog = seen?.catalog {
      let unknown = archives.indices.filter { catalog.archives[archives[$0].id] == nil }
      // Archives that are still to be followed may have any of the parts.
      let isHeld =
        unknown.isEmpty ? catalog.parts(of: archives.map(\.id)) : Array(repeating: true, count: catalog.parts.count)
      forgetFindings(seenCount: catalog.parts.count)
      let gone = catalog.segments.indices.first { number in
        let members = catalog.segments[number].parts
        guard isHeld[members].contains(true) else { return false }
        guard let segment = catalog.segment(number, of: index) else { return true }
        look(through: segment, from: members.lowerBound, isHeld)
        return false
      }
      guard let gone else {
        for (ordinal, archive) in archives.enumerated() {
          if let runs = catalog.archives[archive.id] { parts.set(runs, of: ordinal) }
        }
        return unknown
      }
      seen?.catalog.remove(gone)
    }
    return Array(archives.indices)
  }

  /// The part that a block or seam is according to earlier searches.
  func seenPart(_ content: ArchiveAssembly.Part.Content) -> UInt32? {
    guard parts.seenCount > 0, let part = seen?.number(of: name(of: content)) else { return nil }
    if case .block(let number) = content { parts.set(part, ofBlock: number) }
    return part
  }

  /// Notes what was looked through, for later searches.
  func note(_ block: MetadataBlock, _ content: ArchiveAssembly.Part.Content, _ part: UInt32) {
    if seen != nil { seen?.add(block, called: name(of: content), as: part) }
  }

  /// What the first names of hard links that were found hold.
  func firstNames(
    _ partsOf: ((_ folder: [UInt8]) -> [UInt32])?, _ damaged: (TreeError) -> Void
  ) -> FirstNames {
    var isSilent = false
    var names = FirstNames(sightings.sources, in: parts, store.hash, partsOf) { number in
      do throws(TreeError) { return try block(number, passing: true) } catch {
        // Once there is no answer, it is the same for all the others.
        if !isSilent { damaged(error) }
        isSilent = silence != nil
        return nil
      }
    }
    guard let seen, !names.isEmpty else { return names }
    for (number, segment) in seen.catalog.segments.enumerated() where segment.parts.upperBound <= parts.seenCount {
      guard let found = seen.catalog.segment(number, of: seen.index) else { continue }
      names.look(in: found, from: UInt32(segment.parts.lowerBound), store.hash)
    }
    return names
  }

  /// Keeps what was seen of archives that earlier searches had not seen. To be called last.
  public func keepSeen() {
    let known = followed.compactMap { archive in parts.runs(of: archive.ordinal).map { (archive.id, $0) } }
    seen?.keep(known, parts.seenCount, stored: store.source.storedArchives)
    seen = nil
  }

  /// What a part is called: a block by its chunk, a seam by a hash of all that it is.
  private func name(of content: ArchiveAssembly.Part.Content) -> ChunkID {
    switch content {
    case .block(let number): store.origin(of: number).id
    case .seam(let seam):
      seam.block.withImage { image in
        ChunkID(
          words: (
            store.hash.wide(image, 1), store.hash.wide(image, 2), store.hash.wide(image, 3), store.hash.wide(image, 4)
          ))
      }
    }
  }
}

// MARK: - Segments

extension ArchiveSearch {
  /// `isHeld`: the parts of the search that count, of which the segment's begin at `first`.
  private func look(through segment: SeenSegment, from first: Int, _ isHeld: [Bool]) {
    for directory in 0..<segment.directoryCount {
      segment.withPath(ofDirectory: directory) { directoryPath in
        guard condition.admits(directory: directoryPath) else { return }
        var path = Array(directoryPath)
        if !path.isEmpty { path.append(TreePath.separator) }
        let prefixLength = path.count
        for name in segment.names(in: directory) {
          path.removeLast(path.count - prefixLength)
          segment.withName(name) { bytes in
            guard condition.admits(name: bytes) else { return }
            path.append(contentsOf: bytes)
            path.withUnsafeBytes { look(at: name, called: bytes, at: $0, of: segment, first, isHeld) }
          }
        }
      }
    }
  }

  private func look(
    at name: Int, called bytes: UnsafeRawBufferPointer, at path: UnsafeRawBufferPointer, of segment: SeenSegment,
    _ first: Int, _ isHeld: [Bool]
  ) {
    var (decidedMode, isAdmitted): (UInt32?, Bool) = (nil, false)
    for number in segment.contents(of: name) {
      let record = segment.contents[number]
      let content = record.sighted
      let item = SearchedItem(content, name: bytes, knowsSize: record.source == SeenSegment.none)
      guard condition.admits(item) else { continue }
      if decidedMode != content.mode { (decidedMode, isAdmitted) = (content.mode, condition.admits(item, at: path)) }
      guard isAdmitted else { continue }
      var holders: [UInt32] = []
      segment.forEachHolder(of: number) { if isHeld[first + Int($0)] { holders.append(UInt32(first) + $0) } }
      segment.withSource(of: record) { sightings.add(content, at: path, source: $0, in: holders) }
    }
  }
}
