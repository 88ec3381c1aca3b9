import BorgFormat

/// What hard links' first names hold, in whichever block they are: later names have no content of their own.
struct FirstNames {
  private struct Holder {
    var part: UInt32
    var content: SightedContent
  }

  /// By the first name's number.
  private var holders: [[Holder]]
  private var parts: Set<UInt32> = []
  /// By the hash of the directory they are in, and by that of the name.
  private let wanted: [UInt64: [UInt64: [Wanted]]]

  /// Looks for the paths in the parts that `partsOf` names for their folders, nil: in all. `block` gives a block by its
  /// number; one that cannot be had again leaves later names without content.
  init(
    _ paths: ByteTable, in searched: SearchedParts, _ hash: NameHash, _ partsOf: ((_ folder: [UInt8]) -> [UInt32])?,
    block: (UInt32) -> MetadataBlock?
  ) {
    holders = Array(repeating: [], count: paths.count)
    wanted = FirstNames.byDirectory(paths, hash)
    guard !isEmpty else { return }
    let some = partsOf.map { Set(FirstNames.folders(of: paths).flatMap($0)).sorted() }
    for part in some ?? searched.contents.indices.map({ UInt32($0) }) {
      switch searched.contents[Int(part)] {
      case .block(let number):
        if let block = block(number) { look(in: block, part) }
      case .seam(let seam): look(in: seam.block, part)
      case .archive, .seen: continue
      }
    }
  }

  var isEmpty: Bool { wanted.isEmpty }

  private struct Wanted {
    var name: [UInt8]
    var hash: UInt64
    var number: Int
  }

  private static func folders(of paths: ByteTable) -> Set<[UInt8]> {
    Set(
      (0..<paths.count).map { number in
        paths.withBytes(number) { Array($0[..<($0.lastIndex(of: TreePath.separator) ?? 0)]) }
      })
  }

  private static func byDirectory(_ paths: ByteTable, _ hash: NameHash) -> [UInt64: [UInt64: [Wanted]]] {
    var wanted: [UInt64: [UInt64: [Wanted]]] = [:]
    for number in 0..<paths.count {
      paths.withBytes(number) { path in
        let slash = path.lastIndex(of: TreePath.separator)
        let name = UnsafeRawBufferPointer(rebasing: path[(slash.map { $0 + 1 } ?? 0)...])
        let directory = hash.wide(UnsafeRawBufferPointer(rebasing: path[..<(slash ?? 0)]))
        let nameHash = hash.wide(name)
        wanted[directory, default: [:]][nameHash, default: []].append(
          Wanted(name: Array(name), hash: nameHash, number: number))
      }
    }
    return wanted
  }

  private mutating func look(in block: MetadataBlock, _ part: UInt32) {
    for number in 0..<Int(block.header.directoryCount) {
      for first in (wanted[block.directory(number).pathHash] ?? [:]).values.joined() {
        let found = first.name.withUnsafeBytes {
          block.find($0, hash: first.hash, in: UInt16(truncatingIfNeeded: number))
        }
        guard let item = found.map({ block.item($0) }), !item.isDirectory, !item.flags.contains(.isLink) else {
          continue
        }
        add(SightedContent(item), of: first, in: part)
      }
    }
  }

  /// Looks in what was seen of the parts from `firstPart` on.
  mutating func look(in segment: SeenSegment, from firstPart: UInt32, _ hash: NameHash) {
    for directory in 0..<segment.directoryCount {
      guard let wanted = segment.withPath(ofDirectory: directory, { self.wanted[hash.wide($0)] }) else { continue }
      for name in segment.names(in: directory) {
        let named = segment.withName(name) { bytes in
          (wanted[hash.wide(bytes)] ?? []).filter { bytes.elementsEqual($0.name) }
        }
        for first in named {
          for number in segment.contents(of: name) {
            let record = segment.contents[number]
            let content = record.sighted
            guard record.source == SeenSegment.none, content.mode & FileType.mask != FileType.directory else {
              continue
            }
            segment.forEachHolder(of: number) { add(content, of: first, in: firstPart + $0) }
          }
        }
      }
    }
  }

  private mutating func add(_ content: SightedContent, of first: Wanted, in part: UInt32) {
    holders[first.number].append(Holder(part: part, content: content))
    parts.insert(part)
  }

  /// Whether a part holds any of the first names.
  func areHeld(by part: UInt32) -> Bool { parts.contains(part) }

  /// What an archive holds of a sighting. `archives`: which hold each of the parts.
  func content(
    of sighting: Sightings.Sighting, in archive: UInt32, _ archives: [UInt32: [UInt32]], _ parts: SearchedParts
  ) -> SightedContent {
    var content = sighting.content
    guard sighting.source != Sightings.none else { return content }
    let own = holders[Int(sighting.source)].filter { FirstNames.contains(archives[$0.part] ?? [], archive) }
    let holder = own.max { parts.lies($0.part, before: $1.part, in: archive) }
    if let holder { content.become(holder.content) }
    return content
  }

  /// The list is ascending.
  private static func contains(_ archives: [UInt32], _ archive: UInt32) -> Bool {
    firstPlace(of: archives.count) { archives[$0] < archive }.map { archives[$0] == archive } ?? false
  }
}
