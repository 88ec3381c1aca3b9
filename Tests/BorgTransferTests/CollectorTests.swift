import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import Synchronization
import Testing

@testable import BorgTransfer

struct CollectorTests {
  @Test func `what the parts of a file hold stays when the rest cannot be read`() throws {
    let lab = try Lab()
    var context = lab.context
    context.clock.monotonic = AnHourLaterEachTime().next
    let repository = try LocalRepository.open(
      lab.location, lock: LockOptions(mode: .exclusive), environment: lab.environment, monitor: lab.monitor)
    let session = try RepositorySession(repository: repository, operations: [.read], context: context)
    let cache = try Cache(session: session, Cache.Options())
    try collect(session, cache) { builder in
      var item = Item(path: Array("file".utf8))
      item.mode = 0o100644
      try builder.begin(item)
      try builder.room(atLeast: 7).copyBytes(from: "content".utf8)
      try builder.chunk(taking: 7)
      try builder.abandon()
    }
    cache.close()
    session.close()
    #expect(try lab.items("one").map(\.part) == [1])
    try lab.oracle(["check", "--verify-data", lab.path("repo")])
  }

  /// The street on one thread, with a checkpoint due after each chunk.
  private func collect(
    _ session: RepositorySession, _ cache: Cache, _ walk: (BatchBuilder) throws -> Void
  ) throws {
    let street = Street(arenaSize: 1 << 20)
    let builder = BatchBuilder(street)
    let reservations = Reservations()
    let writer = try ArchiveWriter(
      named: Array("one".utf8), session: session, cache: cache, ArchiveWriter.Options())
    let collector = Collector(
      street, writer: writer, cache: cache, files: SharedFilesCache(cache, currentDirectory: [0x2F]),
      reservations: reservations, checkpointIntervalSeconds: 1, interruption: Interruption())
    try walk(builder)
    try builder.flush()
    street.finish()
    var worker = ChunkWorker(
      street, codec: session.codec, chunks: cache.chunks, reservations: reservations, compressor: .lz4)
    worker.run()
    collector.run()
    _ = try collector.complete()
  }
}

private final class AnHourLaterEachTime: Sendable {
  private let time = Atomic<Int64>(0)

  @Sendable func next() -> Int64 { time.wrappingAdd(3_600_000_000_000, ordering: .relaxed).newValue }
}
