import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgRepository

/// Frames of real clients (Fixtures/frames), mutated: neither the decoder nor a whole server may crash, hang, grow, or
/// harm what is committed. BORG_FUZZ_SECONDS sets the time (default: 5 s each), BORG_FUZZ_SEED repeats a run.
@Suite(.serialized) struct ServerFuzzTests {
  private let seconds: Int64
  private let seed: UInt64
  private let corpus: [[UInt8]]

  init() throws {
    let environment = Environment.current()
    seconds = environment["BORG_FUZZ_SECONDS"].flatMap { Int64($0) } ?? 5
    seed = environment["BORG_FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1 ... .max)
    corpus = try Fixtures.frames("requests")
    print("BORG_FUZZ_SEED=\(seed)")
  }

  @Test func `the decoder takes any bytes`() throws {
    var mutator = Mutator(seed: seed)
    let end = Clock.system.monotonic() + seconds * 1_000_000_000
    var rounds = 0
    while Clock.system.monotonic() < end {
      let bytes = mutator.mutated(corpus)
      var decoder = RequestDecoder()
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = min(rest.count, mutator.below(64) + 1)
        decoder.append(rest.prefix(count))
        rest = rest.dropFirst(count)
        do {
          while try decoder.next() != nil {}
        } catch {
          #expect(error == .unexpectedData)
          rest = []
        }
      }
      #expect(decoder.pendingByteCount <= bytes.count)
      rounds += 1
    }
    #expect(rounds > 100)
  }

  @Test func `a server outlives any client`() throws {
    let sandbox = try Sandbox()
    let kept = ChunkID(words: (1, 1, 1, 1))
    let repository = try sandbox.create()
    try repository.put(kept, [1, 2, 3])
    try repository.commit(CommitOptions())
    repository.close()
    var mutator = Mutator(seed: seed)
    let end = Clock.system.monotonic() + seconds * 1_000_000_000
    while Clock.system.monotonic() < end {
      let base = sandbox.path("repo")
      let connection = try ServedConnection(sandbox) { $0.restrictedRepositories = [base] }
      let drain = try Worker {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while (try? buffer.withUnsafeMutableBytes { try connection.responses.reader.read(into: $0) }) ?? 0 > 0 {}
      }
      var bytes = ServedConnection.frame(
        1, "open", [("path", .raw(base)), ("exclusive", .bool(true)), ("append_only", .bool(true))])
      for _ in 0..<8 { bytes += mutator.mutated(corpus) }
      try? connection.send(bytes)
      do { _ = try connection.finish() } catch { #expect(error as? ServingError == .unexpectedData) }
      drain.join()
      #expect(!sandbox.exists("repo/lock.exclusive"))
    }
    let reopened = try sandbox.open()
    #expect(try reopened.get(kept) == [1, 2, 3])
    #expect(try reopened.check(repair: false, maximumSeconds: 0))
    reopened.close()
  }
}

/// Small changes to known frames, the same for the same seed.
struct Mutator {
  private var state: UInt64

  init(seed: UInt64) { state = seed | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  mutating func below(_ limit: Int) -> Int { limit <= 0 ? 0 : Int(next() % UInt64(limit)) }

  mutating func mutated(_ corpus: [[UInt8]]) -> [UInt8] {
    var bytes = corpus[below(corpus.count)]
    for _ in 0..<below(6) where !bytes.isEmpty {
      let place = below(bytes.count)
      switch below(6) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
      case 1: bytes[place] ^= 1 << UInt8(below(8))
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(8)))
      case 3: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + below(16))], at: place)
      case 4: bytes[place] = [0xdb, 0xdd, 0xdf, 0xc6, 0xcf, 0xd3, 0xcb, 0xc0][below(8)]
      default: bytes.insert(contentsOf: corpus[below(corpus.count)].prefix(40), at: place)
      }
    }
    return bytes
  }
}
