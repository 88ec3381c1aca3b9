import BorgFormat
import BorgSystem
import BorgTesting
import BorgTree
import Glibc
import Synchronization
import Testing

@testable import BorgMount

@Suite struct PageFillerTests {
  /// A reader's view: files that it asked for, and those that it found filled.
  private final class Pages: Sendable {
    private let state = Mutex<(filled: [UInt64: [UInt8]], order: [UInt64])>(([:], []))
    let unknown: Set<UInt64>

    init(unknown: Set<UInt64> = []) { self.unknown = unknown }

    var order: [UInt64] { state.withLock { $0.order } }
    func bytes(_ inode: UInt64) -> [UInt8]? { state.withLock { $0.filled[inode] } }

    func store(_ pieces: [ArraySlice<UInt8>], _ inode: UInt64) -> Bool {
      guard !unknown.contains(inode) else { return false }
      state.withLock { ($0.filled[inode], $0.order) = (Array(pieces.joined()), $0.order + [inode]) }
      return true
    }
  }

  private func tree(_ files: [File]) throws -> ArchiveTree {
    let source = MemoryTreeSource([("a", files)])
    let options = TreeOptions(uid: getuid(), gid: getgid(), mountTime: 0)
    return try ArchiveTree(of: try source.archives()[0], from: source, options: options)
  }

  private func inode(_ name: String, _ tree: ArchiveTree) throws -> UInt64 {
    try name.split(separator: "/").reduce(1) { parent, name in
      try Array(name.utf8).withUnsafeBytes { try tree.lookup($0, in: parent).inode }
    }
  }

  /// Reads files in this order; those that had to be asked for.
  private func read(_ names: [String], _ tree: ArchiveTree, _ filler: PageFiller, _ pages: Pages) throws -> [String] {
    try names.filter { name in
      let inode = try inode(name, tree)
      guard pages.bytes(inode) == nil else { return false }
      filler.noteReading(inode)
      return true
    }
  }

  private static let names = (0..<70).map { "\($0)" }

  @Test func `files that are read one after the other are filled, more each time`() throws {
    let tree = try tree(Self.names.map { .file($0, "content of \($0)") })
    let pages = Pages()
    let filler = PageFiller(tree, store: pages.store)
    #expect(try read(Self.names, tree, filler, pages) == ["0", "1", "6", "15", "32", "49", "66"])
    for name in ["2", "31", "67"] {
      #expect(pages.bytes(try inode(name, tree)) == Array("content of \(name)".utf8))
    }
    #expect(Set(pages.order).count == pages.order.count)
  }

  @Test func `whoever reads here and there has nothing filled`() throws {
    let tree = try tree(Self.names.map { .file($0, "x\($0)") })
    for step in [-1, 2, 3, 7] {
      let pages = Pages()
      let order = stride(from: step < 0 ? 69 : 0, to: step < 0 ? -1 : 70, by: step).map { Self.names[$0] }
      #expect(try read(order, tree, PageFiller(tree, store: pages.store), pages) == order)
      #expect(pages.order.isEmpty)
    }
  }

  @Test func `what need not be read is passed over`() throws {
    var files: [File] = []
    for name in Self.names {
      files += [.directory("d\(name)"), .file("empty\(name)"), .symbolicLink("l\(name)", to: name)]
      files += [File.file("bad\(name)", "0").with { $0.chunksHealthy = [] }]
      files += [File.file(name, "x\(name)").with { $0.hardlinkMaster = true }, .hardLink("again\(name)", to: name)]
    }
    let tree = try tree(files)
    let pages = Pages()
    #expect(try read(Self.names, tree, PageFiller(tree, store: pages.store), pages).count == 7)
  }

  @Test(arguments: ["large", "away", "other size", "unknown"]) func `filling ends at what cannot be filled`(
    kind: String
  ) throws {
    var files: [File] = Self.names.map { .file($0, "x\($0)") }
    switch kind {
    case "large": files[4] = .file("4", bytes: [UInt8](repeating: 1, count: 128 << 10 + 1))
    case "away": files[4].isAtHand = false
    case "other size": files[4].item.size = 5
    default: break
    }
    let tree = try tree(files)
    let pages = Pages(unknown: kind == "unknown" ? [try inode("4", tree)] : [])
    // It is asked for, and the run goes on behind it.
    let asked = try read(Self.names, tree, PageFiller(tree, store: pages.store), pages)
    #expect(asked == ["0", "1", "4", "13", "30", "47", "64"])
  }

  @Test func `no more is filled at a time than a bound of bytes`() throws {
    let tree = try tree(Self.names.map { .file($0, bytes: [UInt8](repeating: UInt8($0) ?? 0, count: 100_000)) })
    let pages = Pages()
    let asked = try read(Self.names, tree, PageFiller(tree, store: pages.store), pages)
    #expect(asked.prefix(5) == ["0", "1", "6", "12", "18"])
  }

  @Test func `readers in different places do not disturb each other`() throws {
    let names = (0..<4).map { folder in Self.names.map { "\(folder)/\($0)" } }
    let tree = try tree(names.joined().map { .file($0, "x\($0)") })
    let pages = Pages()
    let filler = PageFiller(tree, store: pages.store)
    var asked = 0
    for place in Self.names.indices {
      asked += try read(names.map { $0[place] }, tree, filler, pages).count
    }
    // Who came to the end of the folder before has had the next one's first files filled.
    #expect((24...28).contains(asked))
  }

  @Test func `nothing is filled once the session ends`() throws {
    let tree = try tree(Self.names.map { .file($0, "x\($0)") })
    let pages = Pages()
    let filler = PageFiller(tree, store: pages.store)
    #expect(try read(["0", "1"], tree, filler, pages).count == 2)
    let filled = pages.order.count
    filler.close()
    #expect(try read(Self.names, tree, filler, pages).count == Self.names.count - filled)
    #expect((filled, pages.order.count) == (4, 4))
  }

  @Test func `the end waits for what is being filled`() throws {
    let tree = try tree(Self.names.map { .file($0, "x\($0)") })
    let begun = Atomic<Bool>(false)
    let done = Atomic<Bool>(false)
    let filler = PageFiller(tree) { _, _ in
      begun.store(true, ordering: .sequentiallyConsistent)
      usleep(20_000)
      done.store(true, ordering: .sequentiallyConsistent)
      return false
    }
    filler.noteReading(try inode("0", tree))
    let second = try inode("1", tree)
    let reader = try Worker { filler.noteReading(second) }
    while !begun.load(ordering: .sequentiallyConsistent) { usleep(100) }
    filler.close()
    let isDone = done.load(ordering: .sequentiallyConsistent)
    reader.join()
    #expect(isDone)
  }
}
