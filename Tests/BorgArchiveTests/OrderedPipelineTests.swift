import BorgObjects
import Synchronization
import Testing

@testable import BorgArchive

@Suite struct OrderedPipelineTests {
  private struct Failure: Error, Equatable { var number: Int }

  private func pipeline(
    threads: Int?, ahead: Int = 1 << 20, _ body: @escaping @Sendable (Int) throws -> [UInt8] = { [UInt8($0 % 251)] }
  ) -> OrderedPipeline<Int, [UInt8]> {
    OrderedPipeline(threads: threads, maximumBytesAhead: ahead, cost: \.count) { input, _ in try body(input) }
  }

  @Test(arguments: [0, 1, 4])
  func `outputs come in the order of requests`(threads: Int) throws {
    let pipeline = pipeline(threads: threads) { number in
      [UInt8](repeating: UInt8(number % 251), count: number % 97)
    }
    var next = 0
    for round in 0..<50 {
      let inputs = (round * 100..<round * 100 + 100).map { (input: $0, expectedCost: $0 % 5) }
      pipeline.request(inputs)
      for _ in 0..<(round.isMultiple(of: 3) ? 40 : 100) {
        #expect(try pipeline.next() == [UInt8](repeating: UInt8(next % 251), count: next % 97))
        next += 1
      }
    }
    while pipeline.pendingCount > 0 {
      #expect(try pipeline.next().count == next % 97)
      next += 1
    }
    #expect(next == 5000)
  }

  @Test func `an error comes at its turn and the rest goes on`() throws {
    let pipeline = pipeline(threads: 2) { number in
      if number % 10 == 3 { throw Failure(number: number) }
      return [UInt8(number)]
    }
    pipeline.request((0..<100).map { (input: $0, expectedCost: 1) })
    for number in 0..<100 {
      if number % 10 == 3 {
        #expect(throws: Failure(number: number)) { try pipeline.next() }
      } else {
        #expect(try pipeline.next() == [UInt8(number)])
      }
    }
  }

  @Test func `workers stay within the bound of bytes`() throws {
    let made = Atomic<Int>(0)
    let consumed = Atomic<Int>(0)
    let most = Atomic<Int>(0)
    let pipeline = OrderedPipeline<Int, [UInt8]>(threads: 3, maximumBytesAhead: 1 << 20, cost: \.count) { _, _ in
      let ahead = made.add(100_000, ordering: .relaxed).newValue - consumed.load(ordering: .relaxed)
      most.max(ahead, ordering: .relaxed)
      return [UInt8](repeating: 1, count: 100_000)
    }
    // The expected cost is a lie of the archive; the true one counts.
    pipeline.request((0..<500).map { (input: $0, expectedCost: 10) })
    for _ in 0..<500 {
      _ = try pipeline.next()
      consumed.add(100_000, ordering: .relaxed)
    }
    // The bound, and what four threads may have begun beyond it, a batch of 32 each.
    #expect(most.load(ordering: .relaxed) <= (1 << 20) + 4 * 32 * 100_000)
  }

  @Test func `closing drops what is pending`() throws {
    let pipeline = pipeline(threads: 2)
    pipeline.request((0..<1000).map { (input: $0, expectedCost: 1000) })
    _ = try pipeline.next()
    pipeline.close()
    #expect(pipeline.pendingCount == 0)
  }
}
