import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgRepository

/// The other end of the wire: answers of real servers (Fixtures/frames), mutated, for the client's decoder.
/// BORG_FUZZ_SECONDS sets the time (default: 5 s), BORG_FUZZ_SEED repeats a run.
@Suite struct ReplyFuzzTests {
  private func decode(_ bytes: ArraySlice<UInt8>, _ decoder: inout ReplyDecoder) throws -> Int {
    decoder.append(bytes)
    var count = 0
    while try decoder.next() != nil { count += 1 }
    return count
  }

  @Test func `every answer of a real server is understood`() throws {
    for frame in try Fixtures.frames("responses") {
      var decoder = ReplyDecoder()
      #expect(try decode(frame[...], &decoder) == 1)
    }
  }

  @Test func `a reply of millions of values is refused at its head, the longest list is not`() throws {
    var scanner = FrameScanner()
    let list: [UInt8] = [0x82, 0xa1, 0x69, 1, 0xa1, 0x72, 0xdd, 0x00, 0x01, 0x86, 0xa0]
    #expect(try list.withUnsafeBytes { bytes throws in try scanner.scan(bytes) } == nil)
    scanner = FrameScanner()
    let millions: [UInt8] = [0x82, 0xa1, 0x69, 1, 0xa1, 0x72, 0xdd, 0x00, 0x20, 0x00, 0x00]
    #expect(throws: MessagePackReader.Failure.malformed("too many elements")) {
      try millions.withUnsafeBytes { bytes throws in try scanner.scan(bytes) }
    }
  }

  @Test func `what a reply costs is no multiple of its bytes`() throws {
    func reply(_ key: String, _ value: MessagePackValue) -> [UInt8] {
      MessagePackValue.map([
        .init(key: .raw([0x69]), value: .int(1)), .init(key: .raw(Array(key.utf8)), value: value),
      ]).encoded()
    }
    var decoder = ReplyDecoder()
    // A few bytes each, which take tens in memory.
    decoder.append(reply("r", .array(Array(repeating: .array([.int(1)]), count: 100_000))))
    #expect(throws: RemoteError.self) { try decoder.next() }
    decoder = ReplyDecoder()
    decoder.append(reply("r", .array((0..<100_000).map { .raw(object(32, seed: UInt8(truncatingIfNeeded: $0))) })))
    #expect(try decoder.next() != nil)
    // A story of nothing but ends of lines.
    let lines = MessagePackValue.raw(Array(repeating: 0x0a, count: 1 << 20) + Array("x\ny\n".utf8))
    decoder = ReplyDecoder()
    let error = MessagePackValue.map([
      .init(key: .raw([0x69]), value: .int(1)), .init(key: .raw(Array("exception_class".utf8)), value: lines),
      .init(key: .raw(Array("exception_full".utf8)), value: .array([lines, lines])),
    ]).encoded()
    decoder.append(error)
    let failure = try decoder.next()
    guard case .failure(let report)? = failure?.outcome else {
      Issue.record("no error")
      return
    }
    #expect(report.className.utf8.count <= 8192 && report.text.utf8.count <= 8192 && report.trace.count <= 1000)
  }

  @Test func `the client's decoder takes any bytes`() throws {
    let environment = Environment.current()
    let seconds = environment["BORG_FUZZ_SECONDS"].flatMap { Int64($0) } ?? 5
    let seed = environment["BORG_FUZZ_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1 ... .max)
    print("BORG_FUZZ_SEED=\(seed)")
    let corpus = try Fixtures.frames("responses")
    var mutator = Mutator(seed: seed)
    let end = Clock.system.monotonic() + seconds * 1_000_000_000
    var rounds = 0
    while Clock.system.monotonic() < end {
      var decoder = ReplyDecoder()
      var rest = mutator.mutated(corpus)[...]
      while !rest.isEmpty {
        let piece = rest.prefix(mutator.below(64) + 1)
        rest = rest.dropFirst(piece.count)
        do {
          _ = try decode(piece, &decoder)
        } catch {
          #expect(error is RemoteError)
          rest = []
        }
      }
      rounds += 1
    }
    #expect(rounds > 100)
  }
}
