import BorgFormat
import BorgTesting
import Synchronization
import Testing

@testable import BorgTree

/// Archives as item streams cut into chunks; chunks can be lost. Counts what is fetched.
final class SearchSource: TreeSource {
  private struct State {
    var fetches = 0
    var scans = 0
    var lost: Set<ChunkID> = []
  }

  private let list: [TreeArchive]
  private let streams: [[ChunkID]]
  private let chunks: [ChunkID: [UInt8]]
  private let state = Mutex(State())
  let metadataBytes: Int
  let index: (any TreeIndex)?
  let storedArchives: Set<ChunkID>?

  /// `cut` cuts the encoded items of one archive. `deleted`: archives that there were before.
  init(
    _ archives: [[Item]], metadataBytes: Int = 64 << 20, index: (any TreeIndex)? = nil, deleted: Range<Int> = 0..<0,
    cut: ([[UInt8]]) -> [[UInt8]]
  ) {
    self.index = index
    list = archives.indices.filter { !deleted.contains($0) }.map {
      TreeArchive(name: Array("a\($0)".utf8), id: ChunkID(words: (UInt64($0), 0, 0, 9)), start: Int64($0))
    }
    storedArchives = Set(list.map(\.id))
    var (streams, chunks, ids) = ([[ChunkID]](), [ChunkID: [UInt8]](), [[UInt8]: ChunkID]())
    for items in archives {
      let encoded = items.map { item in
        var bytes: [UInt8] = []
        ItemCodec.encode(item, into: &bytes)
        return bytes
      }
      streams.append(
        cut(encoded).map { piece in
          let id = ids[piece] ?? ChunkID(words: (UInt64(ids.count), 1, 2, 3))
          ids[piece] = id
          chunks[id] = piece
          return id
        })
    }
    (self.streams, self.chunks, self.metadataBytes) = (streams, chunks, metadataBytes)
  }

  static func pieces(of length: Int) -> ([[UInt8]]) -> [[UInt8]] {
    { items in
      var stream: [UInt8] = []
      for item in items { stream += item }
      return stride(from: 0, to: stream.count, by: length).map { Array(stream[$0..<min(stream.count, $0 + length)]) }
    }
  }

  /// Chunks of so many whole items.
  static func items(_ count: Int) -> ([[UInt8]]) -> [[UInt8]] {
    { items in
      stride(from: 0, to: items.count, by: count).map { Array(items[$0..<min(items.count, $0 + count)].joined()) }
    }
  }

  var fetchCount: Int { state.withLock { $0.fetches } }
  var scanCount: Int { state.withLock { $0.scans } }
  var chunkCount: Int { chunks.count }
  func lose(chunk: Int, of archive: Int) { state.withLock { _ = $0.lost.insert(streams[archive][chunk]) } }

  func archives() throws(TreeError) -> [TreeArchive] { list }
  func streamChunks(of archive: TreeArchive) throws(TreeError) -> [ChunkID]? { streams[Int(archive.start)] }

  func streamChunk(_ id: ChunkID) throws(TreeError) -> [UInt8] {
    let isLost = state.withLock { state in
      state.fetches += 1
      return state.lost.contains(id)
    }
    guard !isLost, let chunk = chunks[id] else { throw .ioFailed("lost") }
    return chunk
  }

  func forEachItem(
    in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) {
    state.withLock { $0.scans += 1 }
    var (bytes, isLost) = ([UInt8](), false)
    for id in streams[Int(archive.start)] where !isLost {
      isLost = state.withLock { $0.lost.contains(id) }
      if !isLost { bytes += chunks[id] ?? [] }
    }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    var rest = UnsafeRawBufferPointer(copy)
    let place = ItemLocation(firstChunk: 0, offset: 0, length: 0)
    while let (summary, length) = try? ItemCodec.skim(rest, at: place) {
      try body(summary)
      rest = UnsafeRawBufferPointer(rebasing: rest[length...])
    }
    if isLost { throw .ioFailed("lost") }
    if !rest.isEmpty { throw .ioFailed("ends inside an item") }
  }

  func item(in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> Item { throw .noSuchEntry }
  func content(of item: Item) throws(TreeError) -> any TreeContent { throw .noSuchEntry }
  func userID(_ name: UnsafeRawBufferPointer) -> UInt32? { nil }
  func groupID(_ name: UnsafeRawBufferPointer) -> UInt32? { nil }
  func isSelected(_ path: UnsafeRawBufferPointer) -> Bool { true }
  func warn(_ message: String) {}
}

/// Admits what the closures admit. Counts the directories it is asked about.
final class Condition: SearchCondition {
  private let directories: (String) -> Bool
  private let names: (String) -> Bool
  private let items: (SearchedItem) -> Bool
  private let paths: (String) -> Bool
  private(set) var directoryCount = 0

  init(
    directories: @escaping (String) -> Bool = { _ in true }, items: @escaping (SearchedItem) -> Bool = { _ in true },
    names: @escaping (String) -> Bool = { _ in true }, paths: @escaping (String) -> Bool = { _ in true }
  ) {
    (self.directories, self.items, self.names, self.paths) = (directories, items, names, paths)
  }

  func admits(directory path: UnsafeRawBufferPointer) -> Bool {
    directoryCount += 1
    return directories(String(decoding: path, as: UTF8.self))
  }
  func admits(name: UnsafeRawBufferPointer) -> Bool { names(String(decoding: name, as: UTF8.self)) }
  func admits(_ item: SearchedItem) -> Bool { items(item) }
  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool {
    paths(String(decoding: path, as: UTF8.self))
  }
}

@Suite struct ArchiveSearchTests {
  private func file(_ path: String, content: Int = 0, mtime: Int64 = 0) -> Item {
    var item = Item(path: Array(path.utf8), mode: FileType.regular | 0o644)
    item.mtime = mtime
    item.ctime = mtime
    item.chunks = (0..<content % 3).map {
      ChunkListEntry(id: ChunkID(words: (UInt64(content), UInt64($0), 5, 6)), size: UInt32(content), storedSize: 1)
    }
    item.size = Int64(content % 3 * content)
    return item
  }

  private func files(_ count: Int) -> [Item] {
    (0..<count).map { file("dir \($0 / 50)/file number \($0)", content: $0 % 7, mtime: Int64($0)) }
  }

  private func find(
    _ source: SearchSource, _ condition: Condition = Condition(), in store: BlockStore? = nil
  ) throws -> (findings: [Finding], damaged: [Int]) {
    let search = ArchiveSearch(in: store ?? BlockStore(source, options: .test), for: condition)
    var (findings, damaged): ([Finding], [Int]) = ([], [])
    search.search(try source.archives()) { archive, _ in damaged.append(Int(archive.start)) }
    search.forEachFinding(damaged: { Issue.record($0) }) { findings.append($0) }
    return (findings, damaged)
  }

  @Test(arguments: [150, 4096, 1 << 20], [0, 64 << 20])
  func `what archives share is fetched once, and everything is found`(length: Int, metadataBytes: Int) throws {
    var items = files(400)
    var archives: [[Item]] = []
    for number in 0..<100 {
      items[390 + number % 5].mtime += 1
      items.append(Item(path: Array("new \(number)".utf8), mode: FileType.directory))
      archives.append(items)
    }
    let source = SearchSource(archives, metadataBytes: metadataBytes, cut: SearchSource.pieces(of: length))
    let store = BlockStore(source, options: .test)
    let findings = try find(source, in: store).findings
    #expect(source.fetchCount == source.chunkCount)
    #expect(source.scanCount == 0)
    #expect(findings.map(\.path) == findings.map(\.path).sorted { $0.lexicographicallyPrecedes($1) })
    #expect(findings.count == 500)
    for finding in findings {
      let text = String(decoding: finding.path, as: UTF8.self)
      let first = text.hasPrefix("new ") ? Int(text.dropFirst(4)) ?? -1 : 0
      #expect((finding.firstArchive, finding.lastArchive, finding.archiveCount) == (first, 99, 100 - first))
      #expect(finding.versions.count == 1)
    }
    guard metadataBytes > 0 else { return }
    #expect(try find(source, in: store).findings == findings)
    #expect(source.fetchCount == source.chunkCount)
  }

  @Test func `of two items with one path the later in the archive counts, whichever chunk was come upon first`() throws
  {
    let (old, new) = (file("a", content: 4), file("a", content: 5))
    let source = SearchSource([[new], [new, old], [old, new]], cut: SearchSource.items(1))
    #expect(try find(source).findings.map { $0.versions.map(\.archives) } == [[[0], [1], [2]]])
  }

  @Test func `contents A, B, A are three versions`() throws {
    let source = SearchSource([4, 5, 4, 4].map { [file("a", content: $0)] }, cut: SearchSource.pieces(of: 1000))
    #expect(try find(source).findings.map { $0.versions.map(\.archives) } == [[[0], [1], [2, 3]]])
  }

  @Test func `a link to elsewhere is another version, a newer time of the same content is not`() throws {
    let archives = [("x", 1), ("y", 2), ("y", 3)].map { target, time in
      var link = Item(path: Array("link".utf8), mode: FileType.symbolicLink | 0o777)
      (link.source, link.mtime) = (Array(target.utf8), Int64(time))
      return [link]
    }
    let finding = try #require(try find(SearchSource(archives, cut: SearchSource.items(1))).findings.first)
    #expect(finding.versions.map(\.archives) == [[0], [1, 2]])
    #expect(finding.versions.map(\.mtime) == [1, 3])
  }

  @Test(arguments: [1, 2, 3, 40], [false, true])
  func `a later name of a hard link has the versions of its content`(items: Int, isIrregular: Bool) throws {
    let archives = [4, 5, 5].map { content in
      var first = file("some/first", content: content)
      first.hardlinkMaster = true
      var second = Item(path: Array("second".utf8), mode: first.mode)
      second.source = first.path
      return [file(isIrregular ? "/absolute" : "other"), first, file("third"), second]
    }
    let source = SearchSource(archives, cut: SearchSource.items(items))
    let findings = try find(source, Condition(paths: { $0 == "second" })).findings
    #expect(source.scanCount == (isIrregular ? 3 : 0))
    #expect(findings.map { $0.versions.map(\.archives) } == [[[0], [1, 2]]])
    #expect(findings.first?.versions.map(\.size) == [4, 10])
  }

  @Test(arguments: [1, 40], [false, true])
  func `a later name of a hard link has the size of its content`(items: Int, isIrregular: Bool) throws {
    let archives = [4, 5].map { content in
      var first = file("some/first", content: content)
      first.hardlinkMaster = true
      var second = Item(path: Array("second".utf8), mode: first.mode)
      second.source = first.path
      return [file(isIrregular ? "/absolute" : "other"), first, second]
    }
    for usesSeen in [false, true] {
      let index = usesSeen ? MemoryTreeIndex() : nil
      for _ in 0..<2 {
        for (isMeant, expected) in [({ $0 > 4 }, [1]), ({ $0 < 4 }, []), ({ $0 <= 4 }, [0])]
          as [((Int64) -> Bool, [Int])]
        {
          let source = SearchSource(archives, index: index, cut: SearchSource.items(items))
          let condition = Condition(items: { $0.size.map(isMeant) ?? true }, paths: { $0 == "second" })
          let search = ArchiveSearch(in: BlockStore(source, options: .test), for: condition, usesSeen: usesSeen)
          search.search(try source.archives()) { Issue.record($1) }
          var found: [Int] = []
          search.forEachFinding(damaged: { Issue.record($0) }) { found += $0.versions.flatMap(\.archives) }
          search.keepSeen()
          #expect(found == expected)
        }
      }
    }
  }

  @Test func `of a path with very many contents each is found`() throws {
    let archives = (0..<100).map { [file("log", content: $0 % 38), file("other")] }
    let findings = try find(SearchSource(archives, cut: SearchSource.items(2))).findings
    #expect(findings.map(\.archiveCount) == [100, 100] && findings.map(\.versions.count) == [100, 1])
  }

  @Test func `a lost chunk costs the rest of its archives only`() throws {
    let items = files(300)
    let source = SearchSource(
      [Array(items[..<100]), items, Array(items[100...])], cut: SearchSource.pieces(of: 700))
    source.lose(chunk: 3, of: 1)
    let (findings, damaged) = try find(source)
    // The first archive begins with the same chunks.
    #expect(damaged == [0, 1])
    #expect(findings.count < 300 && findings.count > 200)
    #expect(findings.first { $0.path == items[0].path }?.versions.map(\.archives) == [[0, 1]])
  }

  @Test func `a stream that ends inside an item is told`() throws {
    let source = SearchSource([files(10), files(5)]) { items in
      SearchSource.pieces(of: 100)([Array(items.joined().dropLast(items.count == 10 ? 5 : 0))])
    }
    let (findings, damaged) = try find(source)
    #expect(damaged == [0])
    #expect(findings.count == 9)
  }

  @Test func `directories are asked about once for each block, and what is not wanted costs nothing`() throws {
    let archives = [[Item]](repeating: files(500), count: 20)
    let source = SearchSource(archives, cut: SearchSource.items(50))
    var asked = 0
    let condition = Condition(directories: { $0 == "dir 3" }) { item in
      asked += 1
      return item.size ?? 0 > 0
    }
    let findings = try find(source, condition).findings
    #expect(condition.directoryCount == 10)
    #expect(asked == 50)
    #expect(!findings.isEmpty && findings.count < 50)
    #expect(findings.allSatisfy { $0.path.starts(with: "dir 3/".utf8) && $0.archiveCount == 20 })
  }

  @Test(arguments: 0..<30) func `what is found is what reading all archives item by item finds`(seed: Int) throws {
    var random = SplitMix(state: UInt64(seed))
    var items = files(60)
    var archives: [[Item]] = []
    for number in 0..<12 {
      for _ in 0..<random.next(4) {
        let place = random.next(items.count)
        switch random.next(6) {
        case 0: items.remove(at: place)
        case 1: items.insert(file("new/\(number) \(place)", content: random.next(9)), at: place)
        case 2: items[place].path += Array("!".utf8)
        case 3 where seed % 3 == 0: items.insert(items[place], at: random.next(items.count))
        case 4 where seed % 3 == 1: items[place].path = Array("/abs/\(number)".utf8)
        default: items[place] = file(String(decoding: items[place].path, as: UTF8.self), content: random.next(9))
        }
      }
      archives.append(items)
    }
    let source = SearchSource(archives, metadataBytes: [0, 64 << 20][seed % 2], cut: SearchSource.pieces(of: 400))
    #expect(try find(source).findings == model(archives))
  }

  /// What archives hold, found the plain way.
  private func model(_ archives: [[Item]]) -> [Finding] {
    var findings: [[UInt8]: Finding] = [:]
    var last: [[UInt8]: [ChunkListEntry]?] = [:]
    for (number, items) in archives.enumerated() {
      var held: [[UInt8]: Item] = [:]
      for item in items { held[item.path] = item }
      for (path, item) in held {
        let content = SightedContent(mode: item.mode, size: item.size ?? 0, mtime: item.mtime, identity: 0)
        findings[path, default: Finding(path: path, versions: [])].add(
          content, in: number, isSame: last[path] == item.chunks)
        last[path] = item.chunks
      }
    }
    return findings.values.sorted { $0.path.lexicographicallyPrecedes($1.path) }
  }

  @Test func `an item in a block takes a cache line`() { #expect(MemoryLayout<BlockItem>.stride == 64) }
}
