import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Synchronization
import Testing

@testable import BorgRepository

struct LockFreeReadingTests {
  private let sandbox: Sandbox

  init() throws { sandbox = try Sandbox() }

  private func id(_ number: Int) -> ChunkID { ChunkID(words: (UInt64(number), 1, 2, 3)) }
  private func object(_ number: Int) -> [UInt8] { Array("object \(number)".utf8) + [UInt8](repeating: 7, count: 20) }

  /// Adds objects 4 to 7 and deletes 0, as a writer that is killed between its COMMIT and its new index; returns the files
  /// beside the segments, by name.
  @discardableResult private func commitWithoutIndex() throws -> [String: [UInt8]] {
    let old = try sandbox.contents().filter { !$0.key.hasPrefix("data/") }
    try write(4..<8, deleting: [0])
    for name in try sandbox.contents().keys where !name.hasPrefix("data/") {
      try Files.unlink(sandbox.path("repo/\(name)"))
    }
    for (name, bytes) in old { try sandbox.write("repo/\(name)", bytes) }
    return old
  }

  /// `searches`: the first objects are looked up in the index file itself, however small it is.
  private func read(searches: Bool = false, nanoseconds: Int = 0) throws -> LocalRepository {
    let reader = try LocalRepository.openForReading(
      sandbox.location(), environment: sandbox.environment, monitor: sandbox.monitor)
    if searches { reader.core.withLock { $0.searching = .init(leastSize: 0, clock: .ticking(nanoseconds)) } }
    return reader
  }

  private func isFinal(_ reader: LocalRepository) -> Bool? { reader.core.withLock { $0.index?.isFinal } }

  private func write(_ numbers: some Sequence<Int>, compacts: Bool = false, deleting: [Int] = []) throws {
    let writer = try sandbox.open()
    defer { writer.close() }
    for number in numbers { try writer.put(id(number), object(number)) }
    for number in deleting { try writer.delete(id(number)) }
    try writer.commit(CommitOptions(compacts: compacts, threshold: 0.01))
  }

  @Test(arguments: [false, true]) func `neither a lock nor anything else is left on disk`(searches: Bool) throws {
    try sandbox.createSmall().close()
    try write(0..<10)
    let before = try sandbox.contents()
    let reader = try read(searches: searches)
    #expect(try reader.get(id(3)) == object(3))
    #expect(!sandbox.exists("repo/lock.roster") && !sandbox.exists("repo/lock.exclusive"))
    #expect(throws: RepositoryError.self) { try reader.put(id(99), object(99)) }
    #expect(throws: RepositoryError.self) { try reader.saveKey([1]) }
    reader.close()
    #expect(try sandbox.contents() == before)
  }

  @Test func `ids are listed though the index in use holds only their beginnings`() throws {
    try sandbox.createSmall().close()
    try write(0..<10)
    let reader = try read()
    #expect(try reader.get(id(3)) == object(3))
    #expect(try reader.core.withLock { try !$0.readableIndex().isWhole })
    #expect(try Set(reader.list(after: nil, limit: 100)) == Set((0..<10).map { id($0) }))
    #expect(try reader.list(after: id(3), limit: 100).count < 10)
    #expect(try reader.objectCount() == 10)
    #expect(try reader.core.withLock { try !$0.readableIndex().isWhole })
  }

  @Test func `an index is searched for a few objects, and read for many, for one that is not there or for more`() throws
  {
    try sandbox.createSmall().close()
    try write(0..<10)
    let reader = try read(searches: true, nanoseconds: 20_000)
    // 1031 buckets of 40 bytes.
    for _ in 0..<3 { #expect(try reader.get(id(3)) == object(3)) }
    #expect(isFinal(reader) == false)
    #expect(try reader.get(id(4)) == object(4))
    #expect(isFinal(reader) == true)
    let second = try read(searches: true)
    _ = try second.get(id(3))
    #expect(isFinal(second) == false)
    #expect(throws: RepositoryError.self) { try second.get(id(10)) }
    #expect(isFinal(second) == true)
    let third = try read(searches: true)
    _ = try third.get(id(3))
    #expect(try third.objectCount() == 10)
    #expect(isFinal(third) == true)
    try write(10..<12)
    #expect(try third.refresh())
    #expect(try third.get(id(11)) == object(11))
    #expect(isFinal(third) == false)
  }

  @Test func `an index whose ids crowd is read whole`() throws {
    let writer = try sandbox.create()
    for number in UInt64(0)..<3000 { try writer.put(ChunkID(words: (5, number, 0, 0)), object(Int(number))) }
    try writer.commit(CommitOptions())
    writer.close()
    let reader = try read()
    #expect(try reader.get(ChunkID(words: (5, 1234, 0, 0))) == object(1234))
    #expect(try reader.core.withLock { try $0.readableIndex().isWhole })
  }

  @Test(arguments: [false, true]) func `a damaged index is not believed: the segments tell what there is`(
    searches: Bool
  ) throws {
    try sandbox.createSmall().close()
    try write(0..<10, deleting: [4])
    let name = try #require(try Files.names(in: sandbox.path("repo")).first { $0.starts(with: Array("index.".utf8)) })
    let file = "repo/\(String(decoding: name, as: UTF8.self))"
    let bytes = try sandbox.bytes(file)
    // A bit that means nothing, one of a location, one of an id, one of the header.
    let place = try #require(
      stride(from: HashIndex.headerSize, to: bytes.count, by: LocationTable.bucketSize).first {
        bytes[$0..<$0 + 8].elementsEqual(id(3).bytes[..<8])
      })
    for offset in [bytes.count / 2, place + 36, place + 9, 12] {
      var damaged = bytes
      damaged[offset] ^= 1
      try sandbox.write(file, damaged)
      let before = try sandbox.contents()
      let reader = try read(searches: searches)
      #expect(try reader.get(id(3)) == object(3))
      #expect(throws: RepositoryError.self) { try reader.get(id(4)) }
      #expect(try Set(reader.list(after: nil, limit: 100)) == Set((0..<10).filter { $0 != 4 }.map { id($0) }))
      #expect(sandbox.monitor.messages.contains { $0.hasPrefix("Repository index missing or corrupted") })
      #expect(try sandbox.contents() == before)
    }
  }

  @Test(arguments: [false, true]) func `a damaged index counts for nothing beside what was committed since`(
    searches: Bool
  ) throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let old = try commitWithoutIndex()
    let index = try #require(old.keys.first { $0.hasPrefix("index.") })
    var bytes = try sandbox.bytes("repo/\(index)")
    bytes[bytes.count / 2] ^= 1
    try sandbox.write("repo/\(index)", bytes)
    let reader = try read(searches: searches)
    for number in 1..<8 { #expect(try reader.get(id(number)) == object(number)) }
    #expect(throws: RepositoryError.self) { try reader.get(id(0)) }
  }

  @Test func `a damaged segment beside a damaged index is an error, told soon`() throws {
    try sandbox.createSmall().close()
    try write(0..<10)
    let index = try #require(try sandbox.contents().keys.first { $0.hasPrefix("index.") })
    for name in ["repo/\(index)", "repo/data/0/\(try sandbox.segments()[1])"] {
      var bytes = try sandbox.bytes(name)
      for place in bytes.count / 2 - 30..<bytes.count / 2 + 30 { bytes[place] ^= 0x55 }
      try sandbox.write(name, bytes)
    }
    for searches in [false, true] {
      let reader = try read(searches: searches)
      let before = sandbox.monitor.messages.count
      #expect(throws: IntegrityError.self) { for number in 0..<11 { _ = try reader.get(id(number)) } }
      #expect(sandbox.monitor.messages[before...].filter { $0.hasPrefix("Repository index") }.count == 1)
    }
  }

  @Test func `a segment whose number no index can hold is an error`() throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let last = try #require(try sandbox.segments().last)
    let bytes = try sandbox.bytes("repo/data/0/\(last)")
    try Files.makeDirectories(sandbox.path("repo/data/4294967"))
    try sandbox.write("repo/data/4294967/4294967290", bytes)
    #expect(throws: IntegrityError.self) { try read().get(id(1)) }
  }

  @Test func `a reader under way looks once more when another one has had the index read whole`() throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let reader = try read(searches: true)
    _ = try reader.get(id(1))
    let state = reader.core.withLock { $0.stateNumber }
    func isToLookAgain(_ reader: LocalRepository, _ state: Int) throws -> Bool {
      try reader.core.withLock { try $0.refreshAfterMiss(in: state) }
    }
    #expect(try isToLookAgain(reader, state))
    #expect(isFinal(reader) == true)
    #expect(try isToLookAgain(reader, state))
    #expect(try !isToLookAgain(reader, reader.core.withLock { $0.stateNumber }))
    let other = try read(searches: true)
    _ = try other.get(id(1))
    let before = other.core.withLock { $0.stateNumber }
    other.releaseFiles()
    #expect(try isToLookAgain(other, before))
    #expect(try other.get(id(1)) == object(1))
  }

  @Test(arguments: [false, true]) func `no file of the repository stays open once files are released`(
    searches: Bool
  ) throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let reader = try read(searches: searches)
    _ = try reader.get(id(1))
    let repository = sandbox.path("repo")
    func openFiles() throws -> [String] {
      let descriptors = Array("/proc/self/fd".utf8)
      return try Files.names(in: descriptors).compactMap { name in
        let path = try? Files.resolved(Files.join(descriptors, name))
        return path.flatMap { $0.starts(with: repository) ? String(decoding: $0, as: UTF8.self) : nil }
      }
    }
    #expect(try openFiles().count { $0.contains("/data/") } > 0)
    #expect(try openFiles().count { $0.contains("/index.") } == (searches ? 1 : 0))
    reader.releaseFiles()
    #expect(try openFiles() == [])
    #expect(try reader.get(id(2)) == object(2))
  }

  @Test(arguments: [false, true]) func `new transactions are noticed, and only those`(searches: Bool) throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let reader = try read(searches: searches)
    #expect(try reader.get(id(1)) == object(1))
    #expect(try !reader.refresh())
    try write(4..<6)
    #expect(try reader.refresh())
    #expect(try reader.get(id(5)) == object(5))
    #expect(try !reader.refresh())
  }

  @Test func `how much is stored is told as of the index, and nothing is mended for it`() throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let before = try sandbox.contents()
    let stored = try sandbox.open("repo", .shared)
    let used = try stored.storageQuotaUse().used
    stored.close()
    try write(4..<9)
    // As between a writer's COMMIT and its new index.
    let segments = try sandbox.contents().filter { $0.key.hasPrefix("data/") }
    let between = before.merging(segments) { $1 }
    try sandbox.restore(between)
    let reader = try read()
    #expect(try reader.storageQuotaUse().used == used)
    #expect(throws: RepositoryError.self) { try reader.put(id(99), object(99)) }
    #expect(try sandbox.contents() == between)
    // As while a writer replaces its files.
    let hints = try #require(between.keys.first { $0.hasPrefix("hints.") })
    try Files.unlink(sandbox.path("repo/\(hints)"))
    #expect(throws: SystemError.self) { try reader.storageQuotaUse() }
    #expect(try sandbox.contents().count == between.count - 1)
    #expect(try reader.get(id(8)) == object(8))
  }

  @Test func `a state whose last segment vanishes while it is taken up is no state`() throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    let reader = try read()
    try reader.core.withLock { core in
      let last = try #require(try core.store.latestCommittedSegment())
      try core.replayInMemory(0...last, into: RepositoryIndex())
      let error = #expect(throws: (any Error).self) { try core.replayInMemory(0...last + 1, into: RepositoryIndex()) }
      #expect(error.map { RepositoryCore.mayBeRace($0) } == true)
    }
  }

  @Test(arguments: [false, true]) func `objects that a compaction moved are found, deleted ones are not`(searches: Bool)
    throws
  {
    try sandbox.createSmall().close()
    try write(0..<20)
    let reader = try read(searches: searches)
    #expect(try reader.get(id(1)) == object(1))
    try write([], compacts: true, deleting: Array(stride(from: 0, to: 20, by: 2)))
    reader.releaseFiles()
    for number in 0..<20 {
      if number % 2 == 1 {
        #expect(try reader.get(id(number)) == object(number))
      } else {
        #expect(
          throws: RepositoryError.objectNotFound(
            id: id(number), path: String(decoding: sandbox.path("repo"), as: UTF8.self))
        ) {
          try reader.get(id(number))
        }
      }
    }
  }

  @Test(arguments: [false, true]) func `a commit without an index counts, what is not committed does not`(
    searches: Bool
  ) throws {
    try sandbox.createSmall().close()
    try write(0..<4)
    try commitWithoutIndex()
    let unfinished = try sandbox.open()
    try unfinished.put(id(50), object(50))
    try unfinished.closeSegment()
    defer { unfinished.close() }
    let before = try sandbox.contents()
    let reader = try read(searches: searches)
    #expect(try reader.get(id(7)) == object(7))
    #expect(try !reader.contains(id(0)))
    #expect(try !reader.contains(id(50)))
    #expect(try sandbox.contents() == before)
  }

  @Test(arguments: [false, true]) func `an object whose segment is lost stays an error`(searches: Bool) throws {
    try sandbox.createSmall().close()
    try write(0..<8)
    let reader = try read(searches: searches)
    _ = try reader.get(id(7))
    reader.releaseFiles()
    try Files.unlink(sandbox.path("repo/data/0/\(try sandbox.segments()[1])"))
    #expect(throws: (any Error).self) { for number in 0..<8 { _ = try reader.get(id(number)) } }
    #expect(try reader.get(id(7)) == object(7))
  }

  @Test(arguments: [false, true]) func `readers see whole objects while a writer works on`(searches: Bool) throws {
    try sandbox.createSmall().close()
    try write(0..<30)
    let isOver = Atomic<Bool>(false)
    let reader = try read(searches: searches)
    let wrong = Mutex<[String]>([])
    let workers = try (0..<2).map { seed in
      try Worker {
        var round = seed
        while !isOver.load(ordering: .relaxed) {
          round += 1
          // Odd ones stay; even ones come and go.
          let number = round % 15 * 2 + 1
          do {
            let bytes = try reader.get(id(number))
            if bytes != object(number) { wrong.withLock { $0.append("other bytes") } }
          } catch {
            wrong.withLock { $0.append("\(error)") }
          }
          if round % 40 == 0 { reader.releaseFiles() }
          if round % 50 == 0 { _ = try? reader.refresh() }
        }
      }
    }
    for round in 0..<25 {
      let even = stride(from: 0, to: 30, by: 2)
      try write(round % 2 == 1 ? Array(even) : [], compacts: true, deleting: round % 2 == 0 ? Array(even) : [])
    }
    isOver.store(true, ordering: .relaxed)
    for worker in workers { worker.join() }
    #expect(wrong.withLock { $0 } == [])
  }
}

extension Clock {
  /// Time goes on by as much with each look at it.
  static func ticking(_ nanoseconds: Int) -> Clock {
    let time = Mutex<Int64>(0)
    return Clock(now: { 0 }) {
      time.withLock {
        $0 += Int64(nanoseconds)
        return $0
      }
    }
  }
}
