import BorgFormat
import BorgTesting
import Synchronization
import Testing

@testable import BorgTree

/// Archives whose items are also there as streams, cut into chunks where the contents say. Counts what is fetched.
final class StreamTreeSource: TreeSource {
  private let memory: MemoryTreeSource
  private let streams: [[UInt8]: [ChunkID]]
  private let chunks: [ChunkID: [UInt8]]
  private let fetches = Mutex(0)
  let metadataBytes: Int
  let index: (any TreeIndex)?

  /// `cut`: the mean length of a chunk; `offersStreams` false: everything is read item by item.
  init(
    _ archives: [(name: String, files: [File])], cut: UInt64, metadataBytes: Int = 1 << 20,
    index: (any TreeIndex)? = nil, selects: (@Sendable (String) -> Bool)? = nil
  ) {
    self.index = index
    memory = MemoryTreeSource(archives, users: ["root": 40, "staff": 50], selects: selects)
    self.metadataBytes = metadataBytes
    var (streams, chunks) = ([[UInt8]: [ChunkID]](), [ChunkID: [UInt8]]())
    for archive in archives {
      var bytes: [UInt8] = []
      for file in archive.files { ItemCodec.encode(file.item, into: &bytes) }
      let pieces = StreamTreeSource.pieces(bytes, cut)
      let ids = pieces.map { StreamTreeSource.id($0) }
      for (id, piece) in zip(ids, pieces) { chunks[id] = piece }
      streams[Array(archive.name.utf8)] = ids
    }
    (self.streams, self.chunks) = (streams, chunks)
  }

  var fetchCount: Int { fetches.withLock { $0 } }
  /// How much had been fetched or scanned each time an archive had been read.
  private let readings = Mutex<[Int]>([])
  var archiveReadings: [Int] { readings.withLock { $0 } }
  func noteArchiveRead() { readings.withLock { $0.append(fetchCount + scans) } }
  var chunkCount: Int { chunks.count }
  func chunkCount(of archive: String) -> Int { Set(streams[Array(archive.utf8)] ?? []).count }

  func archives() throws(TreeError) -> [TreeArchive] { try memory.archives() }
  func forEachItem(
    in archive: TreeArchive, _ body: (borrowing ItemSummary) throws(TreeError) -> Void
  ) throws(TreeError) { try memory.forEachItem(in: archive, body) }
  /// Holes are what has this id.
  static let hole = ChunkID(words: (0, 0, 0, 0))
  func holeBytes(of chunks: [ChunkListEntry]) -> Int64 {
    chunks.reduce(0) { $1.id == StreamTreeSource.hole ? $0 + Int64($1.size) : $0 }
  }
  func content(of item: Item) throws(TreeError) -> any TreeContent { try memory.content(of: item) }
  func userID(_ name: UnsafeRawBufferPointer) -> UInt32? { memory.userID(name) }
  func groupID(_ name: UnsafeRawBufferPointer) -> UInt32? { memory.groupID(name) }
  var selectsEverything: Bool { memory.selectsEverything }
  func isSelected(_ path: UnsafeRawBufferPointer) -> Bool { memory.isSelected(path) }
  func warn(_ message: String) { memory.warn(message) }
  var scans: Int { memory.scans(of: "a") }

  func streamChunks(of archive: TreeArchive) throws(TreeError) -> [ChunkID]? { streams[archive.name] }

  func streamChunk(_ id: ChunkID) throws(TreeError) -> [UInt8] {
    fetches.withLock { $0 += 1 }
    guard let chunk = chunks[id] else { throw .ioFailed("no such chunk") }
    return chunk
  }

  func item(in archive: TreeArchive, at location: ItemLocation) throws(TreeError) -> Item {
    // What the plain source gives out has no place in the stream.
    if location.length == 1 { return try memory.item(in: archive, at: location) }
    var bytes: [UInt8] = []
    for id in (streams[archive.name] ?? []).dropFirst(Int(location.firstChunk)) { bytes += chunks[id] ?? [] }
    let range = Int(location.offset)..<Int(location.offset) + Int(location.length)
    guard range.upperBound <= bytes.count,
      let item = try? bytes[range].withUnsafeBytes({ try ItemCodec.decode($0) })?.item
    else { throw .ioFailed("no item there") }
    return item
  }

  private static func pieces(_ bytes: [UInt8], _ cut: UInt64) -> [[UInt8]] {
    var (pieces, piece, window) = ([[UInt8]](), [UInt8](), UInt64(0))
    for byte in bytes {
      piece.append(byte)
      window = window << 8 | UInt64(byte)
      if (window &* 0x9E37_79B9_7F4A_7C15) >> 40 % cut == 0 {
        pieces.append(piece)
        piece = []
      }
    }
    return piece.isEmpty ? pieces : pieces + [piece]
  }

  private static func id(_ bytes: [UInt8]) -> ChunkID {
    var (a, b): (UInt64, UInt64) = (14_695_981_039_346_656_037, 1)
    for byte in bytes {
      a = (a ^ UInt64(byte)) &* 1_099_511_628_211
      b = b &* 6_364_136_223_846_793_005 &+ UInt64(byte) &+ 1
    }
    return ChunkID(words: (a, b, UInt64(bytes.count), 7))
  }
}

/// Random trees in the order in which Borg stores them.
struct Forest {
  private var random: SplitMix
  private(set) var files: [File] = []

  init(seed: UInt64, count: Int, oddities: Bool = false) {
    random = SplitMix(state: seed)
    if random.next(2) == 0 { files.append(File.directory(".", mode: 0o750)) }
    grow("", depth: 0, budget: count)
    guard oddities else { return }
    for _ in 0..<3 where files.count > 4 {
      let victim = files[random.next(files.count)]
      switch random.next(5) {
      case 0: files.append(victim)
      case 1:
        files.insert(.file(String(decoding: victim.item.path, as: UTF8.self) + "/below"), at: random.next(files.count))
      case 2: files.append(.hardLink("link to nothing", to: "nowhere/at/all"))
      case 3: files.append(.file("/absolute"))
      default: files.append(File.file("part").with { $0.part = 1 })
      }
    }
  }

  private mutating func grow(_ path: String, depth: Int, budget: Int) {
    var left = budget
    var number = 0
    while left > 0 {
      number += 1
      let full = path.isEmpty ? "\(name())\(number)" : "\(path)/\(name())\(number)"
      switch random.next(10) {
      case 0,
        1 where depth < 5:
        let inside = random.next(left + 1)
        // Now and then a directory that no item describes, or only after what is in it.
        let kind = random.next(6)
        if kind > 1 { files.append(own(.directory(full, mtime: Int64(number)))) }
        grow(full, depth: depth + 1, budget: inside)
        if kind == 1 { files.append(own(.directory(full))) }
        left -= inside + 1
      case 2: files.append(.symbolicLink(full, to: "../\(number)"))
      case 3 where !files.isEmpty:
        let target = files[random.next(files.count)].item
        guard target.mode & FileType.mask == FileType.regular, target.source == nil else { continue }
        files.append(.hardLink(full, to: String(decoding: target.path, as: UTF8.self)))
      case 4:
        files.append(File.file(full).with { ($0.mode, $0.rdev) = (FileType.blockDevice | 0o600, 0x0702) })
      case 5:
        files.append(
          File.file(full, "x").with {
            $0.xattrs = [ExtendedAttribute(name: Array("user.a".utf8), value: [UInt8](repeating: 7, count: 90))]
            $0.atime = 5
          })
      default: files.append(own(.file(full, String(repeating: "c", count: random.next(50)), mtime: Int64(number))))
      }
      left -= 1
    }
  }

  private mutating func own(_ file: File) -> File {
    let kind = random.next(3)
    return file.with { item in
      item.hardlinkMaster = nil
      item.ctime = item.mtime + Int64(kind)
      item.uid = Int64(kind) * 100
      if kind > 0 { (item.user, item.group) = (Array("root".utf8), Array("nobody here".utf8)) }
    }
  }

  private mutating func name() -> String { ["a", "file-", "\u{e4}\u{f6}", "x.y."][random.next(4)] }
}

struct SplitMix {
  var state: UInt64

  mutating func next(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return Int((z ^ z >> 31) % UInt64(max(1, bound)))
  }
}

struct SharedArchiveTests {
  private func describe(_ tree: any FileTree, _ path: String) throws -> String {
    var attributes = try tree.at(path)
    let inode = attributes.inode
    (attributes.inode, attributes.generation) = (0, 0)
    let target = attributes.mode & FileType.mask == FileType.symbolicLink ? try tree.linkTarget(of: inode) : []
    return "\(path) \(attributes) \(target) \(try tree.xattrNames(of: inode))"
  }

  private func everything(_ tree: any FileTree) throws -> [String] {
    try ([""] + tree.everything()).map { try describe(tree, $0) }.sorted()
  }

  private func trees(
    _ files: [File], cut: UInt64, metadataBytes: Int = 1 << 20
  ) throws -> (plain: ArchiveTree, shared: ArchiveTree, source: StreamTreeSource) {
    let source = StreamTreeSource([("a", files)], cut: cut, metadataBytes: metadataBytes)
    let memory = MemoryTreeSource([("a", files)], users: ["root": 40, "staff": 50])
    return (
      try .of(files, source: memory), try ArchiveTree(of: source.archives()[0], from: source, options: .test), source
    )
  }

  @Test(arguments: 0..<40) func `an archive put together is the same as one read whole`(seed: Int) throws {
    let files = Forest(seed: UInt64(seed), count: 30 + seed * 8).files
    let (plain, shared, source) = try trees(files, cut: [60, 400, 3000][seed % 3])
    #expect(source.scans == 0)
    #expect(try everything(shared) == everything(plain))
    for path in try [""] + plain.everything() where try plain.at(path).mode & FileType.mask == FileType.directory {
      #expect(try Set(shared.names(path)) == Set(plain.names(path)))
      #expect(try shared.names(path, step: 1) == shared.names(path))
      #expect(
        try shared.at(path.isEmpty ? ".." : "\(path)/..").mode == plain.at(path.isEmpty ? ".." : "\(path)/..").mode)
    }
  }

  @Test(arguments: 0..<30) func `archives with oddities are read whole and right`(seed: Int) throws {
    let files = Forest(seed: UInt64(seed) &+ 1000, count: 60, oddities: true).files
    let (plain, shared, _) = try trees(files, cut: 400)
    #expect(try everything(shared) == everything(plain))
  }

  @Test(arguments: [false, true]) func `the source is told when an archive has been read`(oddities: Bool) throws {
    let files = Forest(seed: 1000, count: 60, oddities: oddities).files
    let (_, shared, source) = try trees(files, cut: 400)
    #expect(source.scans == (oddities ? 1 : 0))
    let cost = source.fetchCount + source.scans
    #expect(cost > 0 && source.archiveReadings == [cost])
    _ = try shared.names("")
    #expect(source.archiveReadings == [cost])
  }

  @Test func `names and inode numbers are found again, hard links share theirs`() throws {
    let files = Forest(seed: 5, count: 300).files
    let (_, shared, _) = try trees(files, cut: 400)
    let (_, again, _) = try trees(files, cut: 400)
    for path in try shared.everything() {
      let one = try shared.at(path)
      #expect(try shared.attributes(of: one.inode) == one)
      #expect(try again.at(path).inode == one.inode)
    }
    let link = try #require(files.last { $0.item.source != nil && $0.item.mode & FileType.mask == FileType.regular })
    let (name, master) = (
      String(decoding: link.item.path, as: UTF8.self), String(decoding: link.item.source ?? [], as: UTF8.self)
    )
    #expect(try shared.at(name) == shared.at(master))
    for inode in [0, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x8000_0000 + 5000, 1 << 40] as [UInt64] {
      #expect(throws: TreeError.noSuchEntry) { try shared.attributes(of: inode) }
    }
  }

  @Test func `a chunk that many archives share is fetched and decoded once`() throws {
    let files = Forest(seed: 9, count: 3000).files
    let archives = (0..<20).map { number in
      ("archive \(number)", files[..<1500] + [.file("zzz only in \(number)")] + files[1500...])
    }.map { (name: $0.0, files: Array($0.1)) }
    let source = StreamTreeSource(archives, cut: 3000, metadataBytes: 8 << 20)
    let tree = try RepositoryTree(source, options: .test)
    _ = try tree.names("archive 0")
    let first = (source.fetchCount, tree.statistics.bytes)
    #expect(first.0 == source.chunkCount(of: "archive 0"))
    for number in 1..<20 {
      #expect(try tree.names("archive \(number)").contains("zzz only in \(number)"))
    }
    #expect(source.fetchCount == source.chunkCount)
    #expect(source.chunkCount < source.chunkCount(of: "archive 0") + 19 * 4)
    // Each further archive holds its directories and what differs.
    let each = (tree.statistics.bytes - first.1) / 19
    #expect(each < first.1 / 3, "\(each) of \(first.1)")
    let fetched = source.fetchCount
    _ = try tree.everything("archive 7")
    #expect(source.fetchCount == fetched)
  }

  @Test func `a path of very many directories costs neither the stack nor its square in memory`() throws {
    let deep = String(repeating: "d/", count: 30_000) + "f"
    let (_, shared, _) = try trees([.file("a", "1"), .file(deep, "2")], cut: 400)
    #expect(try shared.text("a") == "1")
    #expect(try shared.names(String(repeating: "d/", count: 300)) == [".", "..", "d"])
    #expect(shared.statistics.bytes < 64 << 20)
  }

  @Test func `directories that short paths name cost no more than in proportion to the stream`() throws {
    let chain = String(repeating: "x/", count: 60)
    let hostile = (0..<1000).map { File.file("\($0)/\(chain)f", "\($0)") }
    let (_, whole, source) = try trees(hostile, cut: 3000)
    #expect(source.scans == 0 && source.fetchCount == source.chunkCount)
    #expect(try whole.text("999/\(chain)f") == "999")
    let described = (0..<300).flatMap { number in
      (0..<40).map { File.directory("\(number)/" + String(repeating: "x/", count: $0) + "x") }
    }
    let (_, shared, other) = try trees(described, cut: 3000)
    #expect(other.scans == 0)
    #expect(try shared.names("299/x/x") == [".", "..", "x"])
  }

  @Test func `trees of archives that nobody looks into are given up and made again`() throws {
    let archives = (0..<12).map { (name: "archive \($0)", files: Forest(seed: UInt64($0), count: 400).files) }
    let source = StreamTreeSource(archives, cut: 1000, metadataBytes: 60_000)
    let tree = try RepositoryTree(source, options: .test)
    var inodes: [[UInt64: Attributes]] = []
    for archive in archives {
      var known: [UInt64: Attributes] = [:]
      _ = try tree.names(archive.name)
      for name in try tree.names(archive.name).dropFirst(2) {
        let attributes = try tree.at("\(archive.name)/\(name)")
        known[attributes.inode] = attributes
      }
      let directory = try tree.at(archive.name)
      known[directory.inode] = directory
      inodes.append(known)
      #expect(tree.statistics.loadedArchives <= 6)
      #expect(tree.store.byteCount < 60_000 + 60_000 / 4)
      #expect(try tree.xattrNames(of: directory.inode).isEmpty)
    }
    #expect((2...6).contains(tree.statistics.loadedArchives))
    let fetched = source.fetchCount
    // In an order in which none is still there.
    for known in inodes {
      for (inode, attributes) in known { #expect(try tree.attributes(of: inode) == attributes) }
    }
    #expect(source.fetchCount > fetched)
    #expect(tree.statistics.loadedArchives <= 6)
  }

  @Test func `with enough memory trees are made once`() throws {
    let archives = (0..<12).map { (name: "archive \($0)", files: Forest(seed: UInt64($0), count: 400).files) }
    let source = StreamTreeSource(archives, cut: 1000, metadataBytes: 8 << 20)
    let tree = try RepositoryTree(source, options: .test)
    for archive in archives { _ = try tree.names(archive.name) }
    let fetched = source.fetchCount
    for archive in archives { _ = try tree.names(archive.name) }
    #expect(source.fetchCount == fetched)
    #expect(tree.statistics.loadedArchives == 12)
  }

  @Test func `with little memory blocks are given up and made again`() throws {
    let files = Forest(seed: 11, count: 2000).files
    let (plain, shared, source) = try trees(files, cut: 1000, metadataBytes: 20_000)
    #expect(try everything(shared) == everything(plain))
    #expect(source.fetchCount > source.chunkCount)
  }

  @Test func `a directory in many chunks is searched and listed`() throws {
    let files = (0..<5000).map { File.file("big/entry \($0)", mtime: Int64($0)) }
    let (_, shared, _) = try trees(files, cut: 2000)
    #expect(try shared.names("big").dropFirst(2) == ArraySlice((0..<5000).map { "entry \($0)" }))
    for number in stride(from: 0, to: 5000, by: 7) {
      #expect(try shared.at("big/entry \(number)").mtime == Int64(number))
    }
    #expect(throws: TreeError.noSuchEntry) { try shared.at("big/entry 5000") }
  }

  /// The last byte of a time may make a map of the fields behind it.
  @Test(arguments: 0x80...0x8F) func `a chunk that begins within an item is not taken for one that begins with one`(
    last: Int64
  ) throws {
    let first = File.file("first", "content").with { $0.ctime = 0x18eb_392d_496d_7800 | last }
    let second = File.file("second", "content").with { $0.ctime = 1 }
    var (bytes, rest): ([UInt8], [UInt8]) = ([], [])
    ItemCodec.encode(first.item, into: &bytes)
    ItemCodec.encode(second.item, into: &rest)
    let key = try #require(bytes.indices.first { bytes[$0...].starts(with: "ctime".utf8) })
    let remainder = bytes[(key + 5 + 8)...]
    #expect(remainder.first == UInt8(last))
    let block = Array(remainder + rest + rest).withUnsafeBytes {
      MetadataBlockBuilder.build($0, hash: NameHash(), source: MemoryTreeSource([]))
    }
    #expect(Int(block.header.headLength) == remainder.count)
  }

  @Test func `a stream that is cut off or hostile is an error or a tree, never a trap`() throws {
    var bytes: [UInt8] = []
    for file in Forest(seed: 3, count: 60).files { ItemCodec.encode(file.item, into: &bytes) }
    var random = SplitMix(state: 77)
    for _ in 0..<400 {
      var broken = bytes
      for _ in 0...random.next(6) { broken[random.next(broken.count)] = UInt8(random.next(256)) }
      let start = random.next(broken.count)
      let block = broken.withUnsafeBytes {
        MetadataBlockBuilder.build(
          UnsafeRawBufferPointer(rebasing: $0[start...]), hash: NameHash(), source: MemoryTreeSource([]))
      }
      #expect(block.head.count + block.tail.count <= broken.count)
    }
  }
}
