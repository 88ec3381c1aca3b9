import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Synchronization
import Testing

@testable import BorgArchive

@Suite struct ChunkReaderTests {
  private let made: SyntheticArchive
  private var session: RepositorySession { made.session }

  init() throws {
    made = try SyntheticArchive(items: [], chunkLength: 1)
  }

  private func reader(cacheBytes: Int) -> ChunkReader {
    ChunkReader(repository: session.repository, codec: session.codec, cacheBytes: cacheBytes)
  }

  private func file(chunks: Int, length: (Int) -> Int) throws -> (content: [UInt8], chunks: [ChunkListEntry]) {
    var content: [UInt8] = []
    var list: [ChunkListEntry] = []
    for number in 0..<chunks {
      let bytes = (0..<length(number)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number &* 7) }
      content += bytes
      list.append(try SyntheticArchive.store(bytes, in: session))
    }
    return (content, list)
  }

  @Test(arguments: [3, 200])
  func `any piece of a file is read`(chunks: Int) throws {
    let file = try file(chunks: chunks) { 1 + $0 * 37 % 211 }
    let reader = reader(cacheBytes: 4096)
    var state: UInt64 = 7
    for _ in 0..<500 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let offset = Int(state >> 33) % (file.content.count + 20)
      let length = 1 + Int(state >> 17 & 1023)
      let read = try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        count = try reader.read(file.chunks, offset: Int64(offset), into: UnsafeMutableRawBufferPointer(buffer))
      }
      #expect(read == Array(file.content.dropFirst(offset).prefix(length)))
    }
  }

  @Test func `a chunk of another length than its list says is an error`() throws {
    var file = try file(chunks: 2) { _ in 100 }
    file.chunks[1].size = 99
    var buffer = [UInt8](repeating: 0, count: 150)
    #expect(throws: IntegrityError.self) {
      try buffer.withUnsafeMutableBytes { try reader(cacheBytes: 0).read(file.chunks, offset: 0, into: $0) }
    }
    file.chunks[1].size = .max
    #expect(throws: IntegrityError.self) {
      try buffer.withUnsafeMutableBytes { try reader(cacheBytes: 0).read(file.chunks, offset: 4_000_000_000, into: $0) }
    }
  }

  /// A wrong list is for whoever reads the file to find; an absurd one must not cost all memory.
  @Test func `a pipeline decodes no more of a chunk than its list or the default chunker allows`() throws {
    func decoded(_ length: Int, listed: UInt32) throws -> Int {
      var entry = try SyntheticArchive.store([UInt8](repeating: 5, count: length), in: session)
      entry.size = listed
      let pipeline = ChunkPipeline(repository: session.repository, codec: session.codec)
      defer { pipeline.close() }
      pipeline.request([entry])
      return try pipeline.next().count
    }
    #expect(try decoded(1 << 23, listed: 10) == 1 << 23)
    #expect(throws: DecompressionError.self) { try decoded(8_388_609, listed: 10) }
    #expect(try decoded(8_388_609, listed: 8_388_609) == 8_388_609)
  }

  @Test func `no more of a chunk is decoded than its list says, and who expects more has it`() throws {
    let entry = try SyntheticArchive.store(Array(repeating: 5, count: 1000), in: session)
    var short = entry
    short.size = 999
    let reader = reader(cacheBytes: 4096)
    #expect(throws: DecompressionError.self) { try reader.chunk(short) }
    let repository = made.vector.repository
    let isFirst = Atomic<Bool>(true)
    let hasBegun = Atomic<Bool>(false)
    repository.onGet { _ in
      guard isFirst.exchange(false, ordering: .relaxed) else { return }
      hasBegun.store(true, ordering: .relaxed)
      for _ in 0..<50 { pause() }
    }
    let worker = try Worker { [short] in
      #expect(throws: DecompressionError.self) { try reader.chunk(short) }
    }
    while !hasBegun.load(ordering: .relaxed) { pause() }
    #expect(try reader.chunk(entry).count == 1000)
    worker.join()
  }

  @Test func `a chunk that many want is fetched once`() throws {
    let entry = try SyntheticArchive.store(Array(repeating: 5, count: 1000), in: session)
    let reader = reader(cacheBytes: 0)
    let repository = made.vector.repository
    let asked = Atomic<Int>(0)
    repository.onGet { _ in
      // Holds the first fetch back until the others have had every chance to come.
      for _ in 0..<200 where asked.load(ordering: .relaxed) < 8 { pause() }
      for _ in 0..<20 { pause() }
    }
    let sum = Atomic<Int>(0)
    let workers = try (0..<8).map { _ in
      try Worker {
        asked.add(1, ordering: .relaxed)
        if let bytes = try? reader.chunk(entry.id) { sum.add(bytes.count, ordering: .relaxed) }
      }
    }
    for worker in workers { worker.join() }
    #expect(sum.load(ordering: .relaxed) == 8000)
    #expect(repository.gets[entry.id] == 1)
  }

  @Test func `a fetch that failed is tried again by the next who asks`() throws {
    let entry = try SyntheticArchive.store([1, 2, 3], in: session)
    let object = try session.repository.get(entry.id)
    made.vector.repository.replace(entry.id, with: nil)
    let reader = reader(cacheBytes: 1000)
    #expect(throws: RepositoryError.objectNotFound(id: entry.id, path: "/srv/none")) { try reader.chunk(entry.id) }
    made.vector.repository.replace(entry.id, with: object)
    #expect(try reader.chunk(entry.id) == [1, 2, 3])
  }

  @Test func `kept chunks are not fetched again`() throws {
    let file = try file(chunks: 10) { 50 + $0 }
    let reader = reader(cacheBytes: 10_000)
    for _ in 0..<3 { for chunk in file.chunks { _ = try reader.chunk(chunk.id) } }
    #expect(file.chunks.allSatisfy { made.vector.repository.gets[$0.id] == 1 })
  }

  @Test func `a pipeline gives chunks in order and damage at its turn`() throws {
    let file = try file(chunks: 300) { 1 + $0 * 997 % 5000 }
    made.vector.repository.replace(file.chunks[150].id, with: nil)
    let pipeline = ChunkPipeline(repository: session.repository, codec: session.codec, maximumBytesAhead: 100_000)
    defer { pipeline.close() }
    pipeline.request(Array(file.chunks[..<100]))
    pipeline.request(Array(file.chunks[100...]))
    #expect(pipeline.pendingBytes == file.content.count)
    var start = 0
    for (number, chunk) in file.chunks.enumerated() {
      if number == 150 {
        #expect(throws: RepositoryError.self) { try pipeline.next() }
      } else {
        #expect(try pipeline.next() == Array(file.content[start..<start + Int(chunk.size)]))
      }
      start += Int(chunk.size)
    }
    #expect(pipeline.pendingCount == 0)
    #expect(pipeline.pendingBytes == 0)
  }
}

private func pause() {
  let end = Clock.system.monotonic() + 1_000_000
  while Clock.system.monotonic() < end {}
}
