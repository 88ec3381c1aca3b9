import BorgFormat

/// Looks for items in many archives at once. Archives of the same files share most of their blocks: each block, and what
/// lies between two, is looked through once, whichever archive comes first. An archive that cannot be put together from
/// blocks is read item by item.
///
/// What a search sees in blocks and seams is kept in the source's index. A later one, for whatever it looks, takes from
/// there what it would see, and opens blocks only of archives that are new.
public final class ArchiveSearch {
  let store: BlockStore
  var parts = SearchedParts()
  var seen: SeenParts?
  /// The archives that earlier searches had not seen whole.
  var followed: [(ordinal: Int, id: ChunkID)] = []
  /// By the blocks' numbers. They stay when blocks are given up, so that the streams of further archives can be followed.
  var ends: [BlockEnds?] = []
  /// Chunks that could not be had.
  var lost: [ChunkID: TreeError] = [:]
  /// The source did not answer: it is not asked again, which would take as long for each chunk.
  var silence: TreeError?
  private(set) var condition: any SearchCondition
  var sightings = Sightings()
  private var path: [UInt8] = []

  /// So that chunks can be fetched ahead from one archive to the next.
  private static let archivesAtOnce = 64

  /// `usesSeen`: what earlier searches saw is taken from the index. Then no other condition can be searched for.
  public init(in store: BlockStore, for condition: any SearchCondition, usesSeen: Bool = false) {
    self.store = store
    self.condition = condition
    if usesSeen, let index = store.source.index { seen = SeenParts(index, store.hash) }
  }

  /// Blocks and seams looked through so far, and archives read item by item.
  public var partCount: Int { parts.count }

  /// Searches archives; to be called once. What cannot be read is told to `damaged`, and costs the rest of that archive.
  public func search(_ archives: [TreeArchive], damaged: (TreeArchive, TreeError) -> Void) {
    let unknown = recall(archives)
    followed = unknown.map { ($0, archives[$0].id) }
    for start in stride(from: 0, to: unknown.count, by: ArchiveSearch.archivesAtOnce) {
      let some = unknown[start..<min(unknown.count, start + ArchiveSearch.archivesAtOnce)]
      let errors = search(archives, some)
      // They were not seen whole, and the next search is to look for the rest.
      followed.removeAll { errors[$0.ordinal] != nil }
      for (ordinal, error) in errors.sorted(by: { $0.key < $1.key }) { damaged(archives[ordinal], error) }
    }
  }

  func forgetFindings(seenCount: Int) {
    parts = SearchedParts(seenCount: seenCount)
    sightings = Sightings()
  }

  /// Looks for something else in some of the parts of the archives that were searched, nil: in all. What was found before
  /// is forgotten. What cannot be had again is told to `damaged`.
  func search(_ some: [UInt32]?, for condition: any SearchCondition, damaged: (TreeError) -> Void) {
    self.condition = condition
    sightings = Sightings()
    silence = nil
    for part in some ?? parts.contents.indices.map({ UInt32($0) }) {
      switch parts.contents[Int(part)] {
      case .block(let number):
        do throws(TreeError) { scan(try block(number), part) } catch { damaged(error) }
      case .seam(let seam): scan(seam.block, part)
      case .seen: continue
      case .archive(let archive):
        do throws(TreeError) { try readItems(of: archive, part) } catch { damaged(error) }
      }
    }
  }

  /// Calls `body` with all that was found, sorted by path. `partsOf` tells which parts hold what lies directly in a
  /// folder, nil: any may. A block that cannot be had again is told to `damaged`.
  public func forEachFinding(
    partsOf: ((_ folder: [UInt8]) -> [UInt32])? = nil, damaged: (TreeError) -> Void, _ body: (Finding) throws -> Void
  ) rethrows {
    let names = firstNames(partsOf, damaged)
    let sighted = sightings.parts(of: parts.contents.count)
    let holders = parts.holders { sighted[Int($0)] || names.areHeld(by: $0) }
    for path in sightings.pathsInOrder() {
      if let finding = finding(path, holders, names) { try body(finding) }
    }
  }

  private func finding(_ path: Int, _ holders: [UInt32: [UInt32]], _ names: FirstNames) -> Finding? {
    var held: [(archive: UInt32, occurrence: Int)] = []
    for occurrence in sightings.occurrences(of: path) {
      for archive in holders[sightings.occurrences[occurrence].part] ?? [] { held.append((archive, occurrence)) }
    }
    held.sort {
      $0.archive != $1.archive ? $0.archive < $1.archive : lies($0.occurrence, before: $1.occurrence, in: $0.archive)
    }
    var finding = Finding(path: sightings.paths.withBytes(path) { Array($0) }, versions: [])
    var identity: UInt64?
    for (place, (archive, occurrence)) in held.enumerated() {
      // Of two items with one path the later counts, as everywhere.
      if place + 1 < held.count, held[place + 1].archive == archive { continue }
      let sighting = sightings.sightings[Int(sightings.occurrences[occurrence].sighting)]
      let content = names.content(of: sighting, in: archive, holders, parts)
      if sighting.source != Sightings.none, !condition.admits(SearchedItem(content)) { continue }
      finding.add(content, in: Int(archive), isSame: content.identity == identity)
      identity = content.identity
    }
    return finding.versions.isEmpty ? nil : finding
  }

  private func lies(_ first: Int, before second: Int, in archive: UInt32) -> Bool {
    let (a, b) = (sightings.occurrences[first].part, sightings.occurrences[second].part)
    return a == b ? first < second : parts.lies(a, before: b, in: archive)
  }
}

// MARK: - Blocks and items

extension ArchiveSearch {
  /// The part that is this block or seam, looked through when it is new.
  func part(_ content: ArchiveAssembly.Part.Content) throws(TreeError) -> UInt32 {
    if let known = parts.part(of: content) { return known }
    if let seen = seenPart(content) { return seen }
    let block =
      switch content {
      case .block(let number): try self.block(number)
      case .seam(let seam): seam.block
      }
    let part = parts.add(content)
    scan(block, part)
    note(block, content, part)
    return part
  }

  private func scan(_ block: MetadataBlock, _ part: UInt32) {
    condition.enter(part: part)
    for number in 0..<Int(block.header.directoryCount) {
      let directory = block.directory(number)
      let directoryPath = block.bytes(directory.pathStart, directory.pathLength)
      guard condition.admits(directory: directoryPath) else { continue }
      path.removeAll(keepingCapacity: true)
      path.append(contentsOf: directoryPath)
      if !path.isEmpty { path.append(TreePath.separator) }
      let prefixLength = path.count
      var next = directory.first
      while next != BlockItem.none {
        let item = block.item(Int(next))
        path.removeLast(path.count - prefixLength)
        look(at: item, Int(next), called: block.name(item), of: block, part)
        next = item.next
      }
    }
    scanRoot(block, part)
  }

  /// The item that describes the archive's root, which is in no directory.
  private func scanRoot(_ block: MetadataBlock, _ part: UInt32) {
    for index in 0..<Int(block.header.directoryItemCount) {
      let number = Int(block.directoryItem(index).item)
      let item = block.item(number)
      guard item.directory == BlockItem.none else { continue }
      path.removeAll(keepingCapacity: true)
      let dot: [UInt8] = [0x2E]
      dot.withUnsafeBytes { name in
        if condition.admits(directory: UnsafeRawBufferPointer(rebasing: name[..<0])) {
          look(at: item, number, called: name, of: block, part)
        }
      }
    }
  }

  /// `path` holds what comes before the name.
  private func look(
    at item: BlockItem, _ number: Int, called name: UnsafeRawBufferPointer, of block: MetadataBlock, _ part: UInt32
  ) {
    let content = SightedContent(item)
    let isLink = item.flags.contains(.isLink)
    let seen = SearchedItem(content, name: name, knowsSize: !isLink)
    guard condition.admits(seen), condition.admits(name: name) else { return }
    path.append(contentsOf: name)
    path.withUnsafeBytes { path in
      guard condition.admits(seen, at: path) else { return }
      let source = isLink ? block.source(ofLink: number) : nil
      sightings.add(content, at: path, source: source, in: CollectionOfOne(part))
    }
  }

  /// Reads an archive item by item.
  func readWhole(_ archive: TreeArchive, _ ordinal: Int) throws(TreeError) {
    try readItems(of: archive, parts.add(archive, ordinal))
  }

  private func readItems(of archive: TreeArchive, _ part: UInt32) throws(TreeError) {
    condition.enter(part: part)
    var firstNames: [[UInt8]: SightedContent] = [:]
    if let silence { throw silence }
    try store.source.forEachItem(in: archive) { (item) throws(TreeError) in
      guard !item.isPart else { return }
      var content = SightedContent(item)
      if item.isHardlinkReference {
        if let first = firstNames[ArchivePath.linked(Array(item.source))] { content.become(first) }
      } else if item.isPossibleMaster {
        firstNames[Array(item.path)] = content
      }
      look(at: item, content, part)
    }
  }

  private func look(at item: borrowing ItemSummary, _ content: SightedContent, _ part: UInt32) {
    let path = item.path
    let slash = path.lastIndex(of: TreePath.separator)
    let name = UnsafeRawBufferPointer(rebasing: path[(slash.map { $0 + 1 } ?? 0)...])
    let seen = SearchedItem(content, name: name)
    guard condition.admits(directory: UnsafeRawBufferPointer(rebasing: path[..<(slash ?? 0)])),
      condition.admits(seen), condition.admits(name: name), condition.admits(seen, at: path)
    else { return }
    sightings.add(content, at: path, source: nil, in: CollectionOfOne(part))
  }
}
