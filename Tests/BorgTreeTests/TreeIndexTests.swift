import BorgFormat
import BorgTesting
import Synchronization
import Testing

@testable import BorgTree

/// Keeps records in memory.
final class MemoryTreeIndex: TreeIndex {
  private struct Key: Hashable {
    var kind: IndexRecordKind
    var id: ChunkID
  }

  private let records = Mutex<[Key: [UInt8]]>([:])
  private let loads = Mutex<[IndexRecordKind: Int]>([:])

  let hashKey: (UInt64, UInt64) = (3, 11)

  func load(_ kind: IndexRecordKind, _ id: ChunkID) -> [UInt8]? {
    loads.withLock { $0[kind, default: 0] += 1 }
    return records.withLock { $0[Key(kind: kind, id: id)] }
  }

  func contains(_ kind: IndexRecordKind, _ id: ChunkID) -> Bool {
    records.withLock { $0[Key(kind: kind, id: id)] != nil }
  }

  let keptBytes: Int

  init(keptBytes: Int = .max) { self.keptBytes = keptBytes }

  func keep(_ bytes: [UInt8], _ kind: IndexRecordKind, _ id: ChunkID) {
    if keptBytes == 0 { return }
    records.withLock { $0[Key(kind: kind, id: id)] = bytes }
  }

  func discard(_ kind: IndexRecordKind, _ id: ChunkID) {
    _ = records.withLock { $0.removeValue(forKey: Key(kind: kind, id: id)) }
  }

  func count(_ kind: IndexRecordKind) -> Int { records.withLock { $0.keys.count { $0.kind == kind } } }
  func loadCount(_ kind: IndexRecordKind) -> Int { loads.withLock { $0[kind, default: 0] } }
  func forget(_ kind: IndexRecordKind) { records.withLock { $0 = $0.filter { $0.key.kind != kind } } }

  /// A copy, as another process would find it.
  func copy() -> MemoryTreeIndex {
    let copy = MemoryTreeIndex()
    copy.take(from: self)
    return copy
  }

  /// Takes over all records, as when another process had written them.
  func take(from other: MemoryTreeIndex) {
    let others = other.records.withLock { $0 }
    records.withLock { $0.merge(others) { $1 } }
  }

  /// Lets `damage` at each record of a kind.
  func damage(_ kind: IndexRecordKind, _ damage: (inout [UInt8]) -> Void) {
    records.withLock {
      for key in $0.keys.filter({ $0.kind == kind }).sorted(by: { $0.id.words.0 < $1.id.words.0 }) {
        damage(&$0[key, default: []])
      }
    }
  }
}

private final class Everything: SearchCondition {
  func admits(directory path: UnsafeRawBufferPointer) -> Bool { true }
  func admits(_ item: SearchedItem) -> Bool { true }
  func admits(_ item: SearchedItem, at path: UnsafeRawBufferPointer) -> Bool { true }
}

struct TreeIndexTests {
  private let archives = [
    (name: "a", files: Forest(seed: 21, count: 300).files), (name: "b", files: Forest(seed: 22, count: 100).files),
  ]

  /// `generations`: they are those of where items lie, which is another place in another source.
  private func describe(_ tree: any FileTree, generations: Bool = true) throws -> [String] {
    try ([""] + tree.everything()).map { path in
      var attributes = try tree.at(path)
      if !generations { attributes.generation = 0 }
      let isFolder = attributes.mode & FileType.mask == FileType.directory
      let isLink = attributes.mode & FileType.mask == FileType.symbolicLink
      return "\(path) \(attributes) \(isLink ? try tree.linkTarget(of: attributes.inode) : []) "
        + "\(try tree.xattrNames(of: attributes.inode)) \(isFolder ? try tree.names(path) : [])"
    }
  }

  private func source(_ index: (any TreeIndex)?) -> StreamTreeSource {
    StreamTreeSource(archives, cut: 900, metadataBytes: 8 << 20, index: index)
  }

  @Test func `a second mount fetches nothing, and only what is looked at is loaded`() throws {
    let index = MemoryTreeIndex()
    let first = source(index)
    let expected = try describe(RepositoryTree(first, options: .test))
    #expect(try expected == describe(RepositoryTree(source(nil), options: .test)))
    #expect(index.count(.block) == first.chunkCount && index.count(.chain) == 2 && index.count(.directories) == 2)

    let second = source(index)
    let tree = try RepositoryTree(second, options: .test)
    let loaded = index.loadCount(.block)
    _ = try tree.names("a")
    #expect(index.loadCount(.block) - loaded < first.chunkCount(of: "a") / 2)
    #expect(try describe(tree) == expected)
    for path in try ["a"] + tree.everything("a") where try tree.at(path).mode & FileType.mask == FileType.directory {
      #expect(try tree.names(path, step: 1) == tree.names(path))
    }
    #expect(second.fetchCount == 0 && second.scans == 0)
  }

  @Test func `what an archive is read through for stays in the index, what is looked at in memory`() throws {
    let forest = [(name: "a", files: Forest(seed: 31, count: 4000).files)]
    let index = MemoryTreeIndex()
    let (known, other) = (
      StreamTreeSource(forest, cut: 3000, metadataBytes: 8 << 20, index: index),
      StreamTreeSource(forest, cut: 3000, metadataBytes: 8 << 20)
    )
    let (tree, without) = (
      try RepositoryTree(known, options: .test), try RepositoryTree(other, options: .test)
    )
    let small = StreamTreeSource(forest, cut: 3000, metadataBytes: 400_000, index: MemoryTreeIndex())
    let bounded = try RepositoryTree(small, options: .test)
    for tree in [tree, without, bounded] { _ = try tree.at("a/\(tree.names("a")[2])") }
    let deaf = StreamTreeSource(forest, cut: 3000, metadataBytes: 400_000, index: MemoryTreeIndex(keptBytes: 0))
    let alone = try RepositoryTree(deaf, options: .test)
    _ = try alone.names("a")
    #expect(bounded.store.byteCount < without.store.byteCount / 2)
    #expect(alone.store.byteCount > bounded.store.byteCount * 2)
    #expect(tree.store.byteCount == without.store.byteCount)
    let expected = try describe(without, generations: false)
    #expect(try describe(bounded, generations: false) == expected)
    #expect(small.fetchCount == small.chunkCount)
    #expect(try describe(tree, generations: false) == expected)
  }

  @Test func `however much memory there is, little stays of what the index has`() throws {
    let files = (0..<40_000).map { File.file("d/file \($0)") }
    func bytes(_ index: (any TreeIndex)?) throws -> Int {
      let source = StreamTreeSource([(name: "a", files: files)], cut: 30_000, metadataBytes: 1 << 30, index: index)
      let tree = try RepositoryTree(source, options: .test)
      _ = try tree.at("a/d")
      return tree.store.byteCount
    }
    let (alone, indexed) = (try bytes(nil), try bytes(MemoryTreeIndex()))
    #expect(alone > 3 << 20)
    #expect((1 << 20...2 << 20).contains(indexed))
  }

  @Test func `blocks that the index has are loaded once, those of no use made again`() throws {
    let index = MemoryTreeIndex()
    let files = Forest(seed: 41, count: 4000).files
    let (before, after) = ((name: "a", files: files), (name: "b", files: files + [.file("zzz new")]))
    let first = StreamTreeSource([before], cut: 3000, metadataBytes: 400_000, index: index)
    let expected = try describe(RepositoryTree(first, options: .test), generations: false)
    func openBoth(_ index: MemoryTreeIndex) throws -> (source: StreamTreeSource, tree: RepositoryTree) {
      let source = StreamTreeSource([before, after], cut: 3000, metadataBytes: 400_000, index: index)
      let tree = try RepositoryTree(source, options: .test)
      #expect(try tree.names("b").contains("zzz new"))
      return (source, tree)
    }
    let loaded = index.loadCount(.block)
    let second = try openBoth(index)
    // Some chunks are in the stream more than once.
    #expect(index.loadCount(.block) - loaded < second.source.chunkCount(of: "b") * 5 / 4)
    #expect(second.source.fetchCount == second.source.chunkCount - first.chunkCount)

    let broken = index.copy()
    for kind in [IndexRecordKind.chain, .directories] { broken.forget(kind) }
    var isOdd = false
    broken.damage(.block) { record in
      isOdd.toggle()
      if isOdd { record.removeLast() }
    }
    let third = try openBoth(broken)
    #expect(third.source.fetchCount > 2)
    let shown = try describe(third.tree, generations: false).filter { !$0.hasPrefix("b") }
    #expect(shown.dropFirst() == expected.dropFirst())
  }

  @Test func `directories are listed, shown and found without a block`() throws {
    let files = (0..<100).flatMap { number in
      let folder = File.directory("folder \(number)", mtime: Int64(number)).with {
        $0.atime = 5
        $0.user = Array((number % 2 == 0 ? "root" : "nobody here").utf8)
        $0.uid = Int64(number)
      }
      let links = (0..<20).map { File.symbolicLink("folder \(number)/\(number) \($0)", to: "there") }
      return [folder] + links.map { $0.with { $0.ctime = 1 } }
    }
    let wide = [(name: "a", files: files)]
    let index = MemoryTreeIndex()
    let first = try RepositoryTree(StreamTreeSource(wide, cut: 900, index: index), options: .test)
    let expected = try describe(first)
    let source = StreamTreeSource(wide, cut: 900, index: index)
    let tree = try RepositoryTree(source, options: .test)
    let loaded = index.loadCount(.block)
    #expect(try tree.names("a") == [".", ".."] + (0..<100).map { "folder \($0)" })
    #expect(try tree.names("a", step: 1) == tree.names("a"))
    for number in 0..<100 {
      let folder = try tree.at("a/folder \(number)")
      #expect(folder.mtime == Int64(number) && folder.atime == 5)
      #expect(folder.uid == (number % 2 == 0 ? 40 : UInt32(number)))
    }
    #expect(throws: TreeError.noSuchEntry) { try tree.at("a/folder 100") }
    #expect(index.loadCount(.block) == loaded)
    _ = try tree.names("a/folder 7")
    #expect(index.loadCount(.block) > loaded)
    #expect(try describe(tree) == expected)
    #expect(source.fetchCount == 0)
    #expect(source.chunkCount > 10 && source.chunkCount < 500)
  }

  @Test(arguments: [
    (["plain"], [TreeError.noAttributesOfKind]), (["plain", "bare"], [.noSuchAttribute, .noAttributesOfKind]),
    (["plain", "lists", "plain"], [.noSuchAttribute, .noSuchAttribute, .noSuchAttribute]),
  ])
  func `which kinds of attributes archives have is kept, and told when it is known of all`(
    names: [String], expected: [TreeError]
  ) throws {
    let listed = File.file("listed").with { $0.aclDefault = Array("user::rwx\n".utf8) }
    let archives = [
      (name: "plain", files: [File.file("x")]), (name: "bare", files: [File.file("x"), File.file("y")]),
      (name: "lists", files: [listed, File.file("x")]),
    ].filter { names.contains($0.name) }
    let index = MemoryTreeIndex()
    for pass in 0..<2 {
      let source = StreamTreeSource(archives, cut: 300, index: index)
      let tree = try RepositoryTree(source, options: .test)
      for (archive, error) in zip(names, expected) {
        let inode = try tree.at("\(archive)/x").inode
        #expect(throws: error) {
          try Array("system.posix_acl_default".utf8).withUnsafeBytes { try tree.xattr($0, of: inode) }
        }
      }
      #expect(source.scans == 0 && (source.fetchCount == 0) == (pass == 1))
    }
  }

  @Test func `bytes in holes are kept beside times, and hard links share them`() throws {
    let index = MemoryTreeIndex()
    func sparse(_ path: String, data: UInt32, holes: Int64) -> File {
      File.file(path).with {
        let hole = ChunkListEntry(id: StreamTreeSource.hole, size: 1 << 20, storedSize: 1 << 20)
        $0.chunks = Array(repeating: hole, count: Int(holes))
        $0.chunks?.append(ChunkListEntry(id: ChunkID(words: (1, 2, 3, 4)), size: data, storedSize: 9))
        $0.size = holes << 20 + Int64(data)
        $0.hardlinkMaster = true
      }
    }
    let files = [
      File.file("plain", "x"), sparse("dense", data: 1 << 20, holes: 0), sparse("sparse", data: 77, holes: 3),
      sparse("timed", data: 1 << 20, holes: 1 << 12).with { $0.atime = 5 }, .hardLink("link", to: "timed"),
      sparse("short", data: 9, holes: 2).with { $0.size = 5 },
    ]
    let expected: [String: Int64] = ["sparse": 3 << 20, "timed": 4 << 30, "link": 4 << 30, "short": 5]
    for pass in 0..<2 {
      let source = StreamTreeSource([(name: "a", files: files)], cut: 300, index: index)
      let tree = try RepositoryTree(source, options: .test)
      for name in try tree.names("a").dropFirst(2) {
        #expect(try tree.at("a/\(name)").holeBytes == expected[name] ?? 0, "\(name)")
      }
      #expect(try tree.at("a/timed").atime == 5 && tree.at("a/sparse").atime == 0)
      #expect(source.scans == 0 && (source.fetchCount == 0) == (pass == 1))
    }
  }

  @Test(arguments: ["patterns", "stripped", "versions"])
  func `a tree made item by item is the same, and the second time fetches nothing`(view: String) throws {
    let options = TreeOptions.test.with { $0.strippedComponents = view == "stripped" ? 1 : 0 }
    let someNames: @Sendable (String) -> Bool = { $0.utf8.count % 5 > 1 }
    let selects = view == "patterns" ? someNames : nil
    func tree(of source: any TreeSource) throws -> [String] {
      if view == "versions" {
        return try describe(ArchiveTree(mergedFrom: source, options: options), generations: false)
      }
      return try describe(RepositoryTree(source, options: options), generations: false)
    }
    let index = MemoryTreeIndex()
    let memory = MemoryTreeSource(archives, users: ["root": 40, "staff": 50], selects: selects)
    let expected = try tree(of: memory)
    #expect(expected.count > 100)
    for pass in 0..<2 {
      let source = StreamTreeSource(archives, cut: 900, metadataBytes: 8 << 20, index: index, selects: selects)
      #expect(try tree(of: source) == expected)
      #expect(source.scans == 0 && source.fetchCount == (pass == 0 ? source.chunkCount : 0))
    }
  }

  @Test func `an archive that shares chunks with one that was mounted fetches what differs`() throws {
    let index = MemoryTreeIndex()
    let changed = archives[0].files[..<150] + [.file("zzz new")] + archives[0].files[150...]
    let all = [archives[0], (name: "c", files: Array(changed))]
    _ = try RepositoryTree(StreamTreeSource(all, cut: 900, index: index), options: .test).names("a")
    let second = StreamTreeSource(all, cut: 900, metadataBytes: 8 << 20, index: index)
    #expect(try RepositoryTree(second, options: .test).names("c").contains("zzz new"))
    #expect(second.fetchCount > 0 && second.fetchCount < 5)
  }

  @Test func `what is gone from the index is made again`() throws {
    let index = MemoryTreeIndex()
    let expected = try describe(RepositoryTree(source(index), options: .test))
    for kind in [IndexRecordKind.chain, .directories, .block] {
      index.forget(kind)
      let again = source(index)
      #expect(try describe(RepositoryTree(again, options: .test)) == expected)
      // Chunks that hold no whole item are in no chain.
      #expect(kind == .block ? again.fetchCount == index.count(.block) && again.fetchCount > 0 : again.fetchCount == 0)
      #expect(index.count(.chain) == 2 && index.count(.directories) == 2)
    }
  }

  @Test func `a second search fetches nothing, and finds the same`() throws {
    let index = MemoryTreeIndex()
    func search() throws -> (findings: [Finding], fetched: Int, lines: [String]) {
      let source = source(index)
      let search = ArchiveSearch(in: BlockStore(source, options: .test), for: Everything())
      var findings: [Finding] = []
      search.search(try source.archives()) { _, error in Issue.record("\(error)") }
      search.forEachFinding(damaged: { Issue.record($0) }) { findings.append($0) }
      return (findings, source.fetchCount, findings.map { "\($0)" })
    }
    let first = try search()
    #expect(first.fetched == source(nil).chunkCount && first.findings.count > 300)
    let second = try search()
    #expect(second.fetched == 0 && second.lines == first.lines)
    // What a search has left makes the mount cheaper, too.
    let mounted = source(index)
    #expect(
      try describe(RepositoryTree(mounted, options: .test)) == describe(RepositoryTree(source(nil), options: .test)))
    #expect(mounted.fetchCount == 0)
  }

  @Test func `a seam is held once for all archives that have it`() throws {
    let index = MemoryTreeIndex()
    let copies = (0..<10).map { (name: "copy \($0)", files: archives[0].files + [.file("last \($0)")]) }
    func tree() throws -> RepositoryTree {
      try RepositoryTree(StreamTreeSource(copies, cut: 900, metadataBytes: 8 << 20, index: index), options: .test)
    }
    let first = try tree()
    for copy in copies { _ = try first.names(copy.name) }
    let second = try tree()
    for copy in copies { _ = try second.everything(copy.name) }
    #expect(second.statistics.bytes <= first.statistics.bytes * 11 / 10)
  }

  /// The index's own seal keeps such records out; a mount is not to end even when it does not.
  @Test(arguments: 0..<100) func `hostile records are refused or read, never a trap`(seed: Int) throws {
    let index = MemoryTreeIndex()
    _ = try describe(RepositoryTree(source(index), options: .test))
    var random = SplitMix(state: UInt64(seed))
    for kind in [IndexRecordKind.block, .chain, .directories] where random.next(3) > 0 {
      index.damage(kind) { bytes in
        for _ in 0...random.next(4) where !bytes.isEmpty {
          let place = random.next(2) == 0 ? random.next(min(bytes.count, 200)) : random.next(bytes.count)
          bytes[place] = UInt8([0, 1, 0x7F, 0xFF, random.next(256)][random.next(5)])
        }
        if random.next(8) == 0 { bytes.removeLast(random.next(bytes.count)) }
      }
    }
    let tree = try RepositoryTree(source(index), options: .test)
    for archive in ["a", "b"] { walk(tree, archive, depth: 8) }
  }

  /// What was damaged may lead in circles.
  private func walk(_ tree: any FileTree, _ path: String, depth: Int) {
    for name in (try? tree.names(path)) ?? [] where name != "." && name != ".." {
      guard let attributes = try? tree.at("\(path)/\(name)") else { continue }
      if attributes.mode & FileType.mask == FileType.symbolicLink { _ = try? tree.linkTarget(of: attributes.inode) }
      if depth > 0, attributes.mode & FileType.mask == FileType.directory {
        walk(tree, "\(path)/\(name)", depth: depth - 1)
      }
    }
  }
}
