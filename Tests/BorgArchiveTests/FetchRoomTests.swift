import BorgFormat
import BorgObjects
import BorgSystem
import BorgTesting
import Synchronization
import Testing

@testable import BorgArchive

struct FetchRoomTests {
  @Test func `readers are served in order, what is ahead when none waits`() {
    var room = FetchRoom(maximumBytes: 100)
    #expect(room.admits(500, at: nil))
    room.begin(500)
    #expect(!room.admits(0, at: nil))
    let (first, second) = (room.queue(), room.queue())
    room.end(500)
    #expect(room.admits(60, at: first) && !room.admits(1, at: second) && !room.admits(1, at: nil))
    room.leaveLine(first)
    room.begin(60)
    #expect(room.admits(40, at: second) && !room.admits(41, at: second))
    room.leaveLine(second)
    #expect(room.admits(40, at: nil) && !room.admits(41, at: nil))
    #expect(room.byteCount == 60 && room.peakByteCount == 500)
  }

  /// How many fetches are under way at the same time, told by a repository that takes its time.
  private final class Traffic: Sendable {
    private let state = Mutex((now: 0, peak: 0))

    var peak: Int { state.withLock { $0.peak } }

    func pass() {
      state.withLock { ($0.now, $0.peak) = ($0.now + 1, max($0.peak, $0.now + 1)) }
      let end = Clock.system.monotonic() + 2_000_000
      while Clock.system.monotonic() < end {}
      state.withLock { $0.now -= 1 }
    }
  }

  @Test(arguments: [0, 3]) func `many readers of a slow repository keep to the bound`(chunksAtOnce: Int) throws {
    let made = try SyntheticArchive(items: [], chunkLength: 1)
    let chunks = try (0..<48).map { number in
      try SyntheticArchive.store(
        (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 &+ number &* 7) }, in: made.session)
    }
    let each = chunks.map { Int($0.size) + Int($0.storedSize) }.max() ?? 0
    let reader = ChunkReader(
      repository: made.session.repository, codec: made.session.codec, cacheBytes: 0,
      bytesInFlight: chunksAtOnce * each)
    let traffic = Traffic()
    made.vector.repository.onGet { _ in traffic.pass() }
    let wrong = Atomic<Int>(0)
    let workers = try (0..<16).map { worker in
      try Worker {
        for number in 0..<3 {
          let chunk = chunks[worker * 3 + number]
          let bytes = try? reader.chunk(chunk, isAhead: worker.isMultiple(of: 5))
          if bytes?.count != 5000 { wrong.add(1, ordering: .relaxed) }
        }
      }
    }
    for worker in workers { worker.join() }
    #expect(wrong.load(ordering: .relaxed) == 0)
    #expect(traffic.peak <= max(1, chunksAtOnce))
    #expect(reader.statistics.peakBytesInFlight <= max(1, chunksAtOnce) * each)
    #expect(reader.statistics.fetches == chunks.count)
  }
}
