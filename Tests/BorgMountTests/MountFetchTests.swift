import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import BorgTree
import Glibc
import Synchronization
import Testing

@testable import BorgMount

/// How often a mount asks its repository for something.
@Suite struct MountFetchTests {
  private let home: TemporaryDirectory
  private let repository = MemoryRepository()
  private let session: RepositorySession
  private let options = TreeOptions(uid: getuid(), gid: getgid(), mountTime: 0)

  private static let block = 128 << 10

  init() throws {
    home = try TemporaryDirectory()
    let environment = Environment(variables: ["BORG_BASE_DIR": home.path])
    session = try RepositorySession.initialize(
      repository: repository, type: .plaintext, secretsFrom: nil,
      context: SessionContext(environment: environment, monitor: RecordingMonitor()))
  }

  // MARK: Archives that are written here

  private func store(_ bytes: [UInt8]) throws -> ChunkListEntry {
    try bytes.withUnsafeBytes { bytes in
      let id = session.key.id(of: bytes)
      let object = try session.codec.seal(bytes, with: .lz4, workspace: CodecWorkspace())
      try repository.put(id, object)
      return ChunkListEntry(id: id, size: UInt32(bytes.count), storedSize: UInt32(object.count))
    }
  }

  private func file(_ path: String, _ chunks: [[UInt8]]) throws -> Item {
    var item = Item(path: Array(path.utf8), mode: FileType.regular | 0o644)
    item.chunks = try chunks.map { try store($0) }
    item.size = chunks.reduce(0) { $0 + Int64($1.count) }
    return item
  }

  private static let pattern = (0..<4093).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }

  /// Bytes that are like no other chunk's, and like none of their own a few blocks further.
  private func chunk(_ number: Int, _ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += Self.pattern.prefix(count - bytes.count) }
    return bytes + withUnsafeBytes(of: number) { Array($0) }
  }

  /// `beginning`: what the item stream begins with.
  private func archive(
    _ name: String, _ items: [Item], streamChunk length: Int = 10_000, beginning: [UInt8] = []
  ) throws -> Manifest.Entry {
    var stream = beginning
    for item in items { ItemCodec.encode(item, into: &stream) }
    var metadata = ArchiveMetadata(name: Array(name.utf8), time: Array("2026-01-01T00:00:00.000000".utf8))
    for start in stride(from: 0, to: stream.count, by: length) {
      metadata.items.append(try store(Array(stream[start..<min(stream.count, start + length)])).id)
    }
    return Manifest.Entry(name: metadata.name, id: try store(metadata.encoded(tam: nil)).id, time: metadata.time)
  }

  private func source(_ entries: [Manifest.Entry]) -> ArchiveTreeSource {
    ArchiveTreeSource(
      session: session, entries: entries, matcher: PatternMatcher(fallback: true), usesNames: false)
  }

  private func tree(_ entry: Manifest.Entry) throws -> ArchiveTree {
    let source = source([entry])
    return try ArchiveTree(of: try #require(try source.archives().first), from: source, options: options)
  }

  private func inode(_ path: String, in tree: any FileTree) throws -> UInt64 {
    try path.split(separator: "/").reduce(1) { parent, name in
      try Array(name.utf8).withUnsafeBytes { try tree.lookup($0, in: parent).inode }
    }
  }

  /// Lists everything and asks for each entry's attributes; how many entries there are without dots.
  private func walk(_ tree: any FileTree, _ directory: UInt64 = 1) throws -> Int {
    var (count, folders, names): (Int, [UInt64], [[UInt8]]) = (0, [], [])
    try tree.forEachEntry(of: directory, after: 0) { entry in
      guard entry.position > 2 else { return true }
      count += 1
      names.append(Array(entry.name))
      if entry.attributes.mode & FileType.mask == FileType.directory { folders.append(entry.attributes.inode) }
      return true
    }
    for name in names { _ = try tree.attributes(of: name.withUnsafeBytes { try tree.lookup($0, in: directory).inode }) }
    return try folders.reduce(count) { try $0 + walk(tree, $1) }
  }

  private func read(_ content: any TreeContent, at offset: Int, _ count: Int) throws -> [UInt8] {
    try content.bytes(at: Int64(offset), count: count).reduce(into: []) { $0 += $1 }
  }

  // MARK: What is counted

  @Test func `an archive is read once and listed without asking`() throws {
    let files = try (0..<500).map { try file("folder \($0 % 7)/file \($0)", [chunk($0, 10)]) }
    let entry = try archive("a", files)
    repository.resetCounts()
    let tree = try tree(entry)
    let metadata = try Archive(entry, in: session).metadata.items
    #expect(metadata.count > 3)
    #expect(metadata.allSatisfy { repository.gets[$0] == 1 })
    #expect(repository.gets.keys.count == metadata.count + 1)
    repository.resetCounts()
    #expect(try walk(tree) == 507)
    #expect(try walk(tree) == 507)
    #expect(repository.getCount == 0)
  }

  @Test(arguments: ["everything", "patterns", "versions"])
  func `a second mount lists what the first has listed without asking`(view: String) throws {
    let matcher = view == "patterns" ? try Self.matcher(excluding: "folder 3/*") : PatternMatcher(fallback: true)
    let count = ["everything": 507, "patterns": 507 - 72, "versions": 7 + 2 * 500][view]
    let files = try (0..<500).map { try file("folder \($0 % 7)/file \($0)", [chunk($0, 10)]) }
    let entry = try archive("a", files)
    func mount() throws -> Int {
      let index = try #require(MetadataIndex(of: session))
      let source = ArchiveTreeSource(
        session: session, entries: [entry], matcher: matcher, usesNames: false, index: index)
      let archive = try #require(try source.archives().first)
      let tree =
        view == "versions"
        ? try ArchiveTree(mergedFrom: source, options: options)
        : try ArchiveTree(of: archive, from: source, options: options)
      let count = try walk(tree)
      index.finish()
      return count
    }
    #expect(try mount() == count)
    repository.resetCounts()
    #expect(try mount() == count)
    #expect(repository.getCount == 0)
  }

  @Test func `a second archive of the same files costs its own object, entering one again nothing`() throws {
    let files = try (0..<500).map { try file("folder \($0 % 7)/file \($0)", [chunk($0, 10)]) }
    let entries = try [archive("a", files), archive("b", files)]
    let tree = try RepositoryTree(source(entries), options: options)
    repository.resetCounts()
    var names: [[UInt8]] = []
    try tree.forEachEntry(of: 1, after: 2) { entry in
      names.append(Array(entry.name))
      return true
    }
    #expect(names == [Array("a".utf8), Array("b".utf8)])
    #expect(repository.getCount == 0)
    #expect(try walk(tree, inode("a", in: tree)) == 507)
    repository.resetCounts()
    #expect(try walk(tree, inode("b", in: tree)) == 507)
    #expect(repository.gets == [entries[1].id: 1])
    repository.resetCounts()
    for name in ["a", "b"] { #expect(try walk(tree, inode(name, in: tree)) == 507) }
    #expect(repository.getCount == 0)
  }

  @Test func `the history of one folder costs each archive's metadata once, that of another nothing`() throws {
    var files = try (0..<500).map { try file("folder \($0 % 7)/file \($0)", [chunk($0, 10)]) }
    var entries: [Manifest.Entry] = []
    for number in 0..<5 {
      files[number * 100].mtime = Int64(number)
      files[number * 100].chunks = [try store(chunk(1000 + number, 10))]
      entries.append(try archive("a\(number)", files))
    }
    let tree = ViewsTree(over: try RepositoryTree(source(entries), options: options))
    let chunks = try Set(entries.flatMap { try Archive($0, in: session).metadata.items })
    repository.resetCounts()
    #expect(try walk(tree, inode(".borg/history/folder 2", in: tree)) > 70)
    #expect(chunks.allSatisfy { repository.gets[$0] == 1 })
    #expect(repository.getCount == chunks.count + entries.count)
    repository.resetCounts()
    #expect(try walk(tree, inode(".borg/history/folder 0/file 0", in: tree)) == 1)
    #expect(try walk(tree, inode(".borg/by-host", in: tree)) == 1 + entries.count + 1)
    #expect(try walk(tree, inode("a1", in: tree)) == 507)
    #expect(repository.getCount == 0)
  }

  @Test func `an item that is none is told by a search, and the others are found`() throws {
    var noItem: [UInt8] = [0x81, 0xA4]
    noItem += Array("mode".utf8) + [0x01]
    let files = try (0..<200).map { try file("file \($0)", [chunk($0, 10)]) }
    let source = source([try archive("bad", files, beginning: noItem), try archive("good", files)])
    let search = ArchiveSearch(in: BlockStore(source, options: options), for: Everything())
    search.search(try source.archives()) { archive, error in Issue.record("\(archive.name): \(error)") }
    var counts: [Int] = []
    search.forEachFinding(damaged: { Issue.record($0) }) { counts.append($0.archiveCount) }
    #expect(counts == Array(repeating: 2, count: 200))
    let monitor = try #require(session.context.monitor as? RecordingMonitor)
    #expect(
      monitor.records.filter { $0.message.contains("Archive bad: skipping an item with bad metadata") }.count == 1)
  }

  @Test(arguments: ["everything", "patterns", "versions"])
  func `holes take no space, and nothing is asked for to tell`(view: String) throws {
    let zeros = [UInt8](repeating: 0, count: 256 << 10)
    let data = chunk(1, 100_001)
    var first = try file("sparse", [data, zeros, zeros, Array(zeros[..<5000])])
    first.hardlinkMaster = true
    var second = Item(path: Array("link".utf8), mode: first.mode)
    second.source = first.path
    // What is not the rest of a hole may be zeros of any size, and counts as data.
    let items = [
      first, second, try file("plain", [data]), try file("zeros", [zeros]),
      try file("dense", [chunk(2, (128 << 10) - 8)]), try file("few", [Array(zeros[..<300])]),
    ]
    let source = ArchiveTreeSource(
      session: session, entries: [try archive("a", items)],
      matcher: view == "patterns" ? try Self.matcher(excluding: "nothing") : PatternMatcher(fallback: true),
      usesNames: false)
    let tree =
      view == "versions"
      ? try ArchiveTree(mergedFrom: source, options: options)
      : try ArchiveTree(of: try #require(try source.archives().first), from: source, options: options)
    repository.resetCounts()
    let holes: [String: Int] = ["sparse": 2 * zeros.count + 5000, "link": 2 * zeros.count + 5000, "zeros": zeros.count]
    for item in items {
      let name = String(decoding: item.path, as: UTF8.self)
      let attributes = try tree.attributes(of: inode(view == "versions" ? "\(name)/\(name).00001" : name, in: tree))
      #expect(attributes.holeBytes == Int64(holes[name] ?? 0), "\(name)")
      #expect(attributes.blockCount == (attributes.size - attributes.holeBytes + 511) / 512)
    }
    #expect(repository.getCount == 0)
    let content = try tree.open(inode(view == "versions" ? "sparse/sparse.00001" : "sparse", in: tree))
    #expect(content.next(.hole, from: 0) == Int64(data.count))
    #expect(content.next(.data, from: Int64(data.count)) == nil)
  }

  private static func matcher(excluding path: String) throws -> PatternMatcher {
    let matcher = PatternMatcher(fallback: true)
    matcher.add(.exclude, try PathPattern(parsing: Array(path.utf8), fallbackStyle: .fm))
    return matcher
  }

  @Test func `archives that were opened are let go of when their lists of chunks are long`() throws {
    var opened = OpenedArchives(maximumBytes: 0)
    for number in 0..<20 {
      let entry = try archive("a\(number)", [try file("a", [chunk(number, 10)])], streamChunk: 20)
      let archive = try #require(try source([entry]).archives().first)
      let made = try Archive(entry, in: session)
      #expect(made.metadata.items.count > 3 && made.metadataSize > made.metadata.items.count * 32)
      if number == 0 { opened = OpenedArchives(maximumBytes: made.metadataSize * 5 / 2) }
      opened.keep(made, as: archive)
      #expect(opened[archive] != nil)
      #expect(opened.count <= 2)
    }
  }

  @Test func `reading in order fetches each chunk once`() throws {
    let chunks = (0..<24).map { chunk($0, 200_000 + $0 * 5000) }
    let entry = try archive("a", [try file("large", chunks)])
    let tree = try tree(entry)
    let content = try tree.open(inode("large", in: tree))
    repository.resetCounts()
    let whole = chunks.flatMap { $0 }
    // Blocks overtake each other as the kernel's reading ahead lets them.
    for number in 0...(whole.count / Self.block | 1) {
      let offset = (number ^ 1) * Self.block
      #expect(try read(content, at: offset, Self.block) == Array(whole.dropFirst(offset).prefix(Self.block)))
    }
    #expect(repository.getCount == chunks.count)
    #expect(repository.gets.values.allSatisfy { $0 == 1 })
  }

  @Test func `many readers of a file fetch each chunk once`() throws {
    let chunks = (0..<16).map { chunk($0, 150_000) }
    let entry = try archive("a", [try file("large", chunks)])
    let tree = try tree(entry)
    let content = try tree.open(inode("large", in: tree))
    repository.resetCounts()
    let whole = chunks.flatMap { $0 }
    let wrong = Atomic<Int>(0)
    let readers = try (0..<8).map { reader in
      try Worker {
        for number in 0...whole.count / Self.block {
          let offset = (reader.isMultiple(of: 2) ? number : whole.count / Self.block - number) * Self.block
          let bytes = try? read(content, at: offset, Self.block)
          if bytes != Array(whole[offset...].prefix(Self.block)) { wrong.add(1, ordering: .relaxed) }
        }
      }
    }
    for reader in readers { reader.join() }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(repository.getCount == chunks.count)
  }

  @Test func `random reads in one chunk fetch no chunk twice`() throws {
    let entry = try archive("a", [try file("large", [chunk(1, 2 << 20), chunk(2, 2 << 20)])])
    let tree = try tree(entry)
    let content = try tree.open(inode("large", in: tree))
    repository.resetCounts()
    for number in 0..<200 { _ = try read(content, at: (number &* 7919 &* 4096) % (1 << 20), 4096) }
    // Reads this near to each other may be taken for several readers in order, and the next chunk be fetched ahead.
    #expect((1...2).contains(repository.getCount))
  }

  /// Reads one of every three chunks; how many chunks have been fetched when nothing more comes.
  private func fetchesOfRandomReads(cacheBytes: Int, reads: Int, expecting expected: Int) throws -> Int {
    let chunks = (0..<60).map { chunk($0, 1 << 20) }
    let entry = try archive("a", [try file("large", chunks)])
    let source = ArchiveTreeSource(
      session: session, entries: [entry], matcher: PatternMatcher(fallback: true), usesNames: false,
      dataCacheBytes: cacheBytes)
    let tree = try ArchiveTree(of: try #require(try source.archives().first), from: source, options: options)
    let content = try tree.open(inode("large", in: tree))
    for number in 0..<reads {
      let offset = number * 3 % 60 * 37 % 60 * chunks[0].count
      _ = try read(content, at: offset, 4096)
    }
    // What is fetched meanwhile may take as long as it needs, if there is anything to be fetched.
    for number in 0..<10_000 where source.dataStatistics.fetches < expected {
      _ = try read(content, at: number % 20 * 3 * chunks[0].count, 4096)
      usleep(2000)
    }
    usleep(50_000)
    return source.dataStatistics.fetches
  }

  /// With one processor nothing is fetched for which nobody waits.
  @Test func `whoever reads at random in a file that the cache holds is given the rest of it`() throws {
    let all = availableProcessorCount() > 1 ? 60 : 20
    #expect(try fetchesOfRandomReads(cacheBytes: 100 << 20, reads: 200, expecting: all) == all)
    #expect(try fetchesOfRandomReads(cacheBytes: 30 << 20, reads: 20, expecting: 20) == 20)
    #expect(try fetchesOfRandomReads(cacheBytes: 100 << 20, reads: 7, expecting: 7) == 7)
  }

  @Test func `small files opened one after the other cost each chunk once, of contents and of metadata`() throws {
    let files = try (0..<600).map { try file("folder/file \($0)", [chunk($0, 3000 + $0 * 11)]) }
    let entry = try archive("a", files)
    let tree = try tree(entry)
    repository.resetCounts()
    for number in files.indices {
      let content = try tree.open(inode("folder/file \(number)", in: tree))
      #expect(try read(content, at: 0, Self.block) == chunk(number, 3000 + number * 11))
    }
    let metadata = try Archive(entry, in: session).metadata.items
    #expect(files.allSatisfy { repository.gets[$0.chunks?.first?.id ?? entry.id] == 1 })
    #expect(metadata.allSatisfy { repository.gets[$0] == 1 })
  }

  @Test func `small files that were read to their end do not stay`() throws {
    let files = try (0..<60).map { try file("file \($0)", [chunk($0, 1 << 20)]) }
    let entry = try archive("a", files)
    let source = source([entry])
    let tree = try ArchiveTree(of: try #require(try source.archives().first), from: source, options: options)
    for number in files.indices {
      let content = try tree.open(inode("file \(number)", in: tree))
      for offset in stride(from: 0, through: 1 << 20, by: Self.block) { _ = try read(content, at: offset, Self.block) }
    }
    #expect(source.dataStatistics.fetches == 60)
    #expect(source.dataStatistics.cachedBytes <= 33 << 20)
  }
}

private final class Everything: SearchCondition {
  func admits(directory path: UnsafeRawBufferPointer) -> Bool { true }
  func admits(_ item: SearchedItem) -> Bool { true }
  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool { true }
}
