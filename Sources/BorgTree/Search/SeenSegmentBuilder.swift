import BorgFormat

/// Makes a segment of parts, one after the other.
struct SeenSegmentBuilder {
  /// The parts so far, by what they are called.
  private(set) var parts: [ChunkID] = []
  private let hash: NameHash
  private var directories = ByteTable()
  private var names: [Name] = []
  /// The names' numbers, and what each lies under: in most places that are looked at there is another one.
  private var slots = SlotTable()
  private var slotHashes: [UInt32] = []
  private var lastName = -1
  private var nameBytes: [UInt8] = []
  private var contents: [(record: SeenSegment.Content, previous: UInt32)] = []
  private var sources = ByteTable()
  private var occurrences: [(content: UInt32, part: UInt32)] = []

  private struct Name {
    var hash: UInt64
    var directory: UInt32
    var start: UInt32
    var length: UInt32
    var lastContent: UInt32
  }

  private static let maximumByteCount = 8 << 20
  private static let maximumOccurrences = 1 << 20
  /// Of a file that is never the same; that a content is there twice does no harm.
  private static let contentsToCompare = 16

  init(_ hash: NameHash) { self.hash = hash }

  /// About as many bytes as the segment will have.
  var byteCount: Int {
    contents.count * MemoryLayout<SeenSegment.Content>.stride + names.count * MemoryLayout<SeenSegment.Name>.stride
      + nameBytes.count + directories.byteCount + sources.byteCount + occurrences.count
  }

  func hasRoom(for byteCount: Int) -> Bool {
    !isFull && self.byteCount + byteCount <= SeenSegmentBuilder.maximumByteCount
  }

  /// Whether there is so much that it is to be a segment of its own.
  var isFull: Bool {
    byteCount >= SeenSegmentBuilder.maximumByteCount || occurrences.count >= SeenSegmentBuilder.maximumOccurrences
  }

  /// Goes on with nothing, in the same memory.
  mutating func clear() {
    parts.removeAll(keepingCapacity: true)
    names.removeAll(keepingCapacity: true)
    slotHashes.removeAll(keepingCapacity: true)
    nameBytes.removeAll(keepingCapacity: true)
    contents.removeAll(keepingCapacity: true)
    occurrences.removeAll(keepingCapacity: true)
    (directories, sources, slots, lastName) = (ByteTable(), ByteTable(), SlotTable(), -1)
  }

  mutating func add(_ block: MetadataBlock, called id: ChunkID) {
    let part = UInt32(parts.count)
    parts.append(id)
    let numbers = (0..<Int(block.header.directoryCount)).map { number in
      let directory = block.directory(number)
      return insert(directory: block.bytes(directory.pathStart, directory.pathLength))
    }
    for number in 0..<block.itemCount {
      let item = block.item(number)
      let source = item.flags.contains(.isLink) ? block.source(ofLink: number) : nil
      let content = record(SightedContent(item), source)
      if item.directory != BlockItem.none {
        let name = insert(block.name(item), item.nameHash, in: numbers[Int(item.directory)])
        occurrences.append((insert(content, of: name), part))
      } else if item.isDirectory {
        occurrences.append((insert(content, of: rootName()), part))
      }
    }
  }

  /// Adds those parts of a segment that are to stay; `ids`: what all of its parts are called.
  mutating func add(_ segment: SeenSegment, _ ids: [ChunkID], where stays: (Int) -> Bool) {
    var places: [UInt32?] = []
    for (number, id) in ids.enumerated() {
      places.append(stays(number) ? UInt32(parts.count) : nil)
      if stays(number) { parts.append(id) }
    }
    for directory in 0..<segment.directoryCount {
      // Made when there is something in it that stays.
      var known: UInt32?
      for name in segment.names(in: directory) {
        for content in segment.contents(of: name) {
          segment.forEachHolder(of: content) { part in
            guard Int(part) < places.count, let place = places[Int(part)] else { return }
            let number = known ?? segment.withPath(ofDirectory: directory) { insert(directory: $0) }
            known = number
            let record = segment.contents[content]
            let own = segment.withSource(of: record) { self.record(record.sighted, $0) }
            let entry = segment.withName(name) { insert($0, hash.wide($0), in: number) }
            occurrences.append((insert(own, of: entry), place))
          }
        }
      }
    }
  }

  private mutating func record(_ content: SightedContent, _ source: UnsafeRawBufferPointer?) -> SeenSegment.Content {
    let number = source.flatMap { sources.insert($0)?.index }
    return SeenSegment.Content(content, source: number.map { UInt32($0) } ?? SeenSegment.none)
  }

  private mutating func insert(directory path: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(directories.insert(path)?.index ?? 0)
  }

  /// The root's own item is called `.`.
  private mutating func rootName() -> Int {
    let directory = insert(directory: UnsafeRawBufferPointer(start: nil, count: 0))
    let dot: [UInt8] = [0x2E]
    return dot.withUnsafeBytes { insert($0, hash.wide($0), in: directory) }
  }

  private mutating func insert(_ name: UnsafeRawBufferPointer, _ hash: UInt64, in directory: UInt32) -> Int {
    // What comes after a name in one block does so in most.
    let slotHash = SeenSegmentBuilder.slotHash(hash, directory)
    let known =
      isName(lastName + 1, name, hash, in: directory)
      ? lastName + 1
      : slots.first(hash: slotHash) {
        slotHashes[Int($0)] == slotHash && isName(Int($0), name, hash, in: directory)
      }.map { Int($0) }
    lastName = known ?? names.count
    if let known { return known }
    names.append(
      Name(
        hash: hash, directory: directory, start: UInt32(nameBytes.count), length: UInt32(name.count),
        lastContent: SeenSegment.none))
    nameBytes.append(contentsOf: name)
    slotHashes.append(slotHash)
    slots.insert(UInt32(lastName), hash: slotHash) { slotHashes[Int($0)] }
    return lastName
  }

  private func isName(_ number: Int, _ name: UnsafeRawBufferPointer, _ hash: UInt64, in directory: UInt32) -> Bool {
    guard number < names.count, names[number].hash == hash, names[number].directory == directory else { return false }
    let start = Int(names[number].start)
    let end = start + Int(names[number].length)
    return nameBytes.withUnsafeBytes { equal(UnsafeRawBufferPointer(rebasing: $0[start..<end]), name) }
  }

  private static func slotHash(_ name: UInt64, _ directory: UInt32) -> UInt32 {
    let mixed = name ^ UInt64(directory) &* 0x9E37_79B9_7F4A_7C15
    return UInt32(truncatingIfNeeded: mixed ^ mixed >> 32)
  }

  private mutating func insert(_ content: SeenSegment.Content, of name: Int) -> UInt32 {
    var known = names[name].lastContent
    var patience = SeenSegmentBuilder.contentsToCompare
    while known != SeenSegment.none, patience > 0 {
      if contents[Int(known)].record == content { return known }
      known = contents[Int(known)].previous
      patience -= 1
    }
    let number = UInt32(contents.count)
    contents.append((content, names[name].lastContent))
    names[name].lastContent = number
    return number
  }
}

// MARK: - The segment

extension SeenSegmentBuilder {
  var segment: SeenSegment {
    var segment = SeenSegment()
    segment.partCount = UInt32(parts.count)
    segment.names.reserveCapacity(names.count + 1)
    segment.contents.reserveCapacity(contents.count + 1)
    segment.nameBytes.reserveCapacity(nameBytes.count)
    segment.holders.reserveCapacity(occurrences.count * 2)
    let holders = Grouping(occurrences.lazy.map { (Int($0.content), $0.part) }, into: contents.count)
    let byDirectory = Grouping(
      names.indices.lazy.map { (Int(names[$0].directory), UInt32($0)) }, into: directories.count)
    for directory in 0..<directories.count {
      segment.directories.append(
        SeenSegment.Directory(
          pathStart: UInt32(segment.directoryBytes.count), firstName: UInt32(segment.names.count)))
      directories.withBytes(directory) { segment.directoryBytes.append(contentsOf: $0) }
      for number in byDirectory[directory] { append(names[Int(number)], holders, to: &segment) }
    }
    for source in 0..<sources.count {
      segment.sources.append(UInt32(segment.sourceBytes.count))
      sources.withBytes(source) { segment.sourceBytes.append(contentsOf: $0) }
    }
    segment.close()
    return segment
  }

  private func append(_ name: Name, _ holders: Grouping, to segment: inout SeenSegment) {
    segment.names.append(
      SeenSegment.Name(start: UInt32(segment.nameBytes.count), firstContent: UInt32(segment.contents.count)))
    segment.nameBytes.append(contentsOf: nameBytes[Int(name.start)..<Int(name.start + name.length)])
    var number = name.lastContent
    while number != SeenSegment.none {
      var content = contents[Int(number)].record
      content.firstHolder = UInt32(segment.holders.count)
      segment.contents.append(content)
      SeenSegment.append(holders[Int(number)], to: &segment.holders)
      number = contents[Int(number)].previous
    }
  }
}

extension SeenSegment {
  /// Adds the ends of the lists.
  fileprivate mutating func close() {
    directories.append(Directory(pathStart: UInt32(directoryBytes.count), firstName: UInt32(names.count)))
    names.append(Name(start: UInt32(nameBytes.count), firstContent: UInt32(contents.count)))
    contents.append(
      Content(mtime: 0, size: 0, modeAndIdentity: 0, source: SeenSegment.none, firstHolder: UInt32(holders.count)))
    sources.append(UInt32(sourceBytes.count))
  }
}

/// Numbers sorted into groups, in each in their order.
private struct Grouping {
  private var starts: [Int]
  private var numbers: [UInt32]

  init(_ pairs: some Collection<(group: Int, number: UInt32)>, into groups: Int) {
    starts = Array(repeating: 0, count: groups + 2)
    numbers = Array(repeating: 0, count: pairs.count)
    for (group, _) in pairs { starts[group + 2] += 1 }
    for group in 0..<groups { starts[group + 2] += starts[group + 1] }
    for (group, number) in pairs {
      numbers[starts[group + 1]] = number
      starts[group + 1] += 1
    }
  }

  subscript(group: Int) -> ArraySlice<UInt32> { numbers[starts[group]..<starts[group + 1]] }
}
