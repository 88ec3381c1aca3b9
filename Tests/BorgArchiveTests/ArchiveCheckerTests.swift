import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

/// Item streams that are hard to read, sound or not.
struct ArchiveCheckerTests {
  private static func file(_ name: String, _ chunk: ChunkListEntry, count: Int) -> Item {
    var item = Item(path: Array(name.utf8), mode: FileType.regular | 0o644)
    item.chunks = [ChunkListEntry](repeating: chunk, count: count)
    return item
  }

  /// A file of ten thousand chunks between small ones, as packed bytes.
  private static func streamWithLongItem() throws -> (stream: [UInt8], paths: [String]) {
    let probe = try SyntheticArchive(stream: [], chunkLength: { _ in 1 })
    let chunk = try SyntheticArchive.store([1, 2, 3], in: probe.session)
    let items = [file("first", chunk, count: 1), file("long", chunk, count: 10_000), file("last", chunk, count: 1)]
    return (SyntheticArchive.stream(items), ["first", "long", "last"])
  }

  private static func made(_ stream: [UInt8], _ chunkLength: @escaping (Int) -> Int) throws -> SyntheticArchive {
    let archive = try SyntheticArchive(stream: stream, chunkLength: chunkLength)
    try SyntheticArchive.store([1, 2, 3], in: archive.session)
    try archive.session.writeManifest()
    return archive
  }

  private static func check(_ made: SyntheticArchive, repair: Bool = false) throws -> Bool {
    var options = ArchiveChecker.Options()
    options.repairs = repair
    options.archiveName = made.archive.entry.name
    let context = SessionContext(environment: made.vector.environment, monitor: made.monitor)
    return try ArchiveChecker(made.vector.repository, options, context: context).run()
  }

  private static func paths(_ made: SyntheticArchive) throws -> [String] {
    var paths: [String] = []
    let session = try made.vector.open(RecordingMonitor(answers: [true]))
    try Archive(named: made.archive.entry.name, in: session).forEachItem { item in
      paths.append(String(decoding: item.path, as: UTF8.self))
      return true
    }
    return paths
  }

  /// The cut must not matter, least of all when the last piece is shorter than what came before.
  @Test(arguments: [1 << 10, 100_000, 300_000, 400_000])
  func `an item of many stream chunks is no damage`(_ length: Int) throws {
    let (stream, paths) = try Self.streamWithLongItem()
    let made = try Self.made(stream) { _ in length }
    #expect(try Self.check(made))
    #expect(try Self.check(made, repair: true))
    #expect(try Self.paths(made) == paths)
  }

  @Test func `what is complete before a lost chunk is kept`() throws {
    let (stream, paths) = try Self.streamWithLongItem()
    let tail = SyntheticArchive.stream([Item(path: Array("lost".utf8), mode: FileType.regular)])
    let made = try Self.made(stream + tail) { [300_000, stream.count - 300_000, tail.count][$0] }
    made.vector.repository.replace(made.archive.metadata.items[2], with: nil)
    #expect(try !Self.check(made))
    #expect(try Self.check(made, repair: true))
    #expect(try Self.paths(made) == paths)
  }

  /// Every 15 bytes begins what could be an item with a chunk list without end, hidden in text of the one before.
  @Test(.timeLimit(.minutes(1)))
  func `a stream that looks like items everywhere costs linear time`() throws {
    var decoy: [UInt8] = [0x81, 0xa6] + Array("chunks".utf8) + [0xdd, 0, 0x7f, 0xff, 0xff]
    decoy = [0xc4, UInt8(decoy.count)] + decoy
    let hostile = [[UInt8]](repeating: decoy, count: 70_000).flatMap { $0 }
    let head = SyntheticArchive.stream([Item(path: Array("head".utf8), mode: FileType.directory)])
    let (stream, paths) = try Self.streamWithLongItem()
    let made = try Self.made(head + hostile + stream) {
      $0 == 0 ? head.count : $0 == 1 ? hostile.count : stream.count
    }
    made.vector.repository.replace(made.archive.metadata.items[0], with: nil)
    #expect(try !Self.check(made))
    #expect(try Self.check(made, repair: true))
    #expect(try Self.paths(made).suffix(3) == paths[...])
  }

  @Test func `an item that is nested too deeply to be mended is dropped`() throws {
    let lost = ChunkListEntry(id: ChunkID(words: (9, 9, 9, 9)), size: 3, storedSize: 3)
    let whole = SyntheticArchive.stream([Self.file("deep", lost, count: 1)])
    let nest = [UInt8](repeating: 0x91, count: 100) + [0xc0]
    let deep = [whole[0] + 1] + whole.dropFirst() + [0xa6] + Array("xattrs".utf8) + nest
    let last = SyntheticArchive.stream([Item(path: Array("last".utf8), mode: FileType.directory)])
    let made = try Self.made(deep + last) { _ in 1 << 20 }
    #expect(try !Self.check(made))
    #expect(try Self.check(made, repair: true))
    #expect(try Self.paths(made) == ["last"])
  }
}
