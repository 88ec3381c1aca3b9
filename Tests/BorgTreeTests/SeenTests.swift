import BorgFormat
import Testing

@testable import BorgTree

/// What searches saw, kept for later ones.
struct SeenTests {
  private func file(_ path: String, content: Int = 0, mtime: Int64 = 0) -> Item {
    var item = Item(path: Array(path.utf8), mode: FileType.regular | 0o644)
    (item.mtime, item.ctime) = (mtime, mtime)
    item.chunks = (0..<content % 3).map {
      ChunkListEntry(id: ChunkID(words: (UInt64(content), UInt64($0), 5, 6)), size: UInt32(content), storedSize: 1)
    }
    item.size = Int64(content % 3 * content)
    return item
  }

  /// Archives of mostly the same items, with hard links, a root and folders among them.
  private func archives(_ count: Int, seed: Int, isRegular: Bool = true) -> [[Item]] {
    var random = SplitMix(state: UInt64(seed))
    var items = [Item(path: Array(".".utf8), mode: FileType.directory | 0o755)]
    items += (0..<40).map { file("dir \($0 / 9)/file \($0)", content: $0 % 7, mtime: Int64($0)) }
    for number in 0..<6 {
      items[10 + number].hardlinkMaster = true
      var link = Item(path: Array("links/\(number)".utf8), mode: FileType.regular | 0o644)
      link.source = items[10 + number].path
      items.append(link)
    }
    return (0..<count).map { number in
      for _ in 0..<random.next(4) {
        let place = 1 + random.next(items.count - 8)
        switch random.next(5) {
        case 0: items.insert(file("new/\(number) \(place)", content: random.next(9)), at: place)
        case 1: items.append(Item(path: Array("folder \(number) \(place)".utf8), mode: FileType.directory | 0o700))
        case 2 where !isRegular: items.insert(items[place], at: place + 1)
        default: items[place].mtime += Int64(random.next(5))
        }
        if items[place].chunks != nil, items[place].hardlinkMaster != true {
          items[place] = file(String(decoding: items[place].path, as: UTF8.self), content: random.next(9))
        }
      }
      return items
    }
  }

  private func source(
    _ archives: [[Item]], _ index: MemoryTreeIndex?, deleted: Range<Int> = 0..<0
  ) -> SearchSource {
    SearchSource(archives, index: index, deleted: deleted, cut: SearchSource.pieces(of: 500))
  }

  /// Finds, and tells how many blocks and seams were looked through.
  private func find(
    _ source: SearchSource, _ condition: Condition = Condition()
  ) throws -> (findings: [Finding], parts: Int) {
    let search = ArchiveSearch(in: BlockStore(source, options: .test), for: condition, usesSeen: true)
    search.search(try source.archives()) { _, error in Issue.record("\(error)") }
    var findings: [Finding] = []
    search.forEachFinding(damaged: { Issue.record($0) }) { findings.append($0) }
    search.keepSeen()
    return (findings, search.partCount)
  }

  /// Different at every call.
  private func condition(_ random: inout SplitMix) -> () -> Condition {
    let (digit, size, kind) = ("\(random.next(10))", Int64(random.next(12)), random.next(7))
    return {
      switch kind {
      case 0: Condition()
      case 1: Condition(names: { $0.hasSuffix(digit) })
      case 2: Condition(directories: { $0.hasSuffix(digit) })
      case 3: Condition(items: { ($0.size ?? .max) > size })
      case 4: Condition(items: { $0.mtime <= size }, paths: { $0.contains(digit) })
      case 5: Condition(items: { $0.mode & FileType.mask == FileType.regular }, names: { $0.count == 1 })
      default: Condition(items: { $0.mode & FileType.mask == FileType.directory })
      }
    }
  }

  @Test func `a second search looks through nothing, for whatever it looks`() throws {
    let (index, all) = (MemoryTreeIndex(), archives(30, seed: 1))
    #expect(try find(source(all, index), Condition(names: { $0 == "file 7" })).parts > 30)
    let loaded = [IndexRecordKind.block, .chain].map { index.loadCount($0) }
    for condition in [
      Condition(), Condition(items: { ($0.size ?? .max) > 4 }), Condition(paths: { $0.hasPrefix("links") }),
    ] {
      let again = source(all, index)
      let found = try find(again, condition)
      #expect(found.parts == 0 && again.fetchCount == 0)
      #expect(try found.findings == find(source(all, nil), condition).findings && !found.findings.isEmpty)
    }
    #expect([IndexRecordKind.block, .chain].map { index.loadCount($0) } == loaded)
    #expect(index.count(.seenSegment) == 1)
  }

  @Test func `of a new archive only what differs is looked through`() throws {
    let (index, all) = (MemoryTreeIndex(), archives(30, seed: 2))
    let whole = try find(source(Array(all[..<29]), index)).parts
    let more = try find(source(all, index)).parts
    #expect(more > 0 && more < whole / 5)
    #expect(try find(source(all, index)).parts == 0)
  }

  @Test func `of an archive that could not be read whole the rest is found when it is back`() throws {
    let (index, all) = (MemoryTreeIndex(), archives(8, seed: 5))
    for attempt in 0..<2 {
      let damaged = source(all, index)
      damaged.lose(chunk: 2, of: 7)
      let search = ArchiveSearch(in: BlockStore(damaged, options: .test), for: Condition(), usesSeen: true)
      var lost: [Int64] = []
      search.search(try damaged.archives()) { archive, _ in lost.append(archive.start) }
      search.keepSeen()
      #expect(lost.contains(7), "attempt \(attempt)")
    }
    #expect(try find(source(all, index)).findings == find(source(all, nil)).findings)
  }

  @Test func `of some archives only their own items are found`() throws {
    let (index, all) = (MemoryTreeIndex(), archives(12, seed: 3))
    _ = try find(source(all, index))
    for deleted in [1..<12, 0..<11, 4..<9] {
      let found = try find(source(all, index, deleted: deleted))
      #expect(try found.findings == find(source(all, nil, deleted: deleted)).findings && found.parts == 0)
    }
  }

  @Test func `segments stay few, and what is in no archive any more goes`() throws {
    let (index, all) = (MemoryTreeIndex(), archives(40, seed: 4))
    for count in 1...40 {
      _ = try find(source(Array(all[..<count]), index, deleted: 0..<max(0, count - 5)))
      #expect(index.count(.seenSegment) <= 7)
    }
    #expect(SeenCatalog.kept(in: index).archives.count == 5)
    let fresh = MemoryTreeIndex()
    _ = try find(source(all, fresh, deleted: 0..<35))
    #expect(SeenCatalog.kept(in: index).parts.count < SeenCatalog.kept(in: fresh).parts.count * 4)
  }

  @Test(arguments: 0..<40) func `what is found is what a search without an index finds`(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed) &* 77)
    let (index, all) = (MemoryTreeIndex(), archives(10, seed: seed, isRegular: seed % 3 > 0))
    for _ in 0..<6 {
      let some = Array(all[...random.next(all.count)])
      let deleted = random.next(3) > 0 ? 0..<0 : 0..<random.next(some.count)
      let condition = condition(&random)
      let found = try find(source(some, index, deleted: deleted), condition()).findings
      #expect(try found == find(source(some, nil, deleted: deleted), condition()).findings)
      switch random.next(8) {
      case 0: index.forget(.seenSegment)
      case 1: index.damage(.seenSegment) { if random.next(2) == 0 { $0.removeLast(random.next($0.count)) } }
      case 2: index.damage(.seenCatalog) { $0.removeLast(random.next($0.count)) }
      case 3: index.forget(.block)
      default: break
      }
    }
  }

  @Test func `of two processes that keep at once the later counts, and nothing wrong is found`() throws {
    let all = archives(20, seed: 5)
    let index = MemoryTreeIndex()
    _ = try find(source(Array(all[..<10]), index))
    let other = index.copy()
    _ = try find(source(Array(all[..<15]), index))
    _ = try find(source(all, other, deleted: 3..<15))
    for (first, second) in [(index, other), (other, index)] {
      let both = first.copy()
      both.take(from: second)
      let expected = try find(source(all, nil)).findings
      #expect(try find(source(all, both)).findings == expected)
      let again = try find(source(all, both))
      #expect(again.findings == expected && again.parts == 0)
    }
  }

  /// The index's own seal keeps such records out; a search is not to end even when it does not.
  @Test(arguments: 0..<80) func `hostile records are refused or read, never a trap`(seed: Int) throws {
    let (index, all) = (MemoryTreeIndex(), archives(5, seed: 6))
    _ = try find(source(Array(all[..<4]), index))
    var random = SplitMix(state: UInt64(seed))
    for kind in [IndexRecordKind.seenSegment, .seenCatalog] where random.next(3) > 0 {
      index.damage(kind) { bytes in
        for _ in 0...random.next(4) {
          let place = random.next(2) == 0 ? random.next(min(bytes.count, 200)) : random.next(bytes.count)
          bytes[place] = UInt8([0, 1, 0x7F, 0xFF, random.next(256)][random.next(5)])
        }
      }
    }
    _ = try find(source(Array(all[..<4]), index))
    _ = try find(source(all, index), Condition(paths: { $0.hasPrefix("links") }))
  }

  @Test func `parts far from each other are told apart`() throws {
    let store = BlockStore(source([], nil), options: .test)
    var builder = SeenSegmentBuilder(store.hash)
    for number in 0..<1000 {
      var bytes: [UInt8] = []
      ItemCodec.encode(file("folder/a", content: number % 500 == 3 ? 4 : 5), into: &bytes)
      let block = store.build(bytes)
      builder.add(block, called: ChunkID(words: (UInt64(number), 0, 0, 0)))
    }
    let segment = try #require(SeenSegment(builder.segment.bytes))
    #expect(segment.names.count == 2 && segment.contents.count == 3)
    var holders: [[UInt32]] = [[], []]
    for content in 0..<2 { segment.forEachHolder(of: content) { holders[content].append($0) } }
    #expect(holders.contains([3, 503]) && holders.map(\.count).sorted() == [2, 998])
  }
}
