import Testing

@testable import BorgMount

struct ReadSequencesTests {
  private static let block: Int64 = 128 << 10
  private static let ahead: Int64 = 16 << 20

  @Test func `a reader in order is read ahead for without gap or repetition`() {
    var sequences = ReadSequences()
    var requested: Int64 = 0
    var passed: Int64 = 0
    for number in 0..<4000 as Range<Int64> {
      let offset = number * Self.block
      guard let run = sequences.note(offset, offset + Self.block, Self.ahead) else { continue }
      if !run.wanted.isEmpty {
        #expect(requested == 0 || run.wanted.lowerBound == max(requested, offset + Self.block))
        requested = run.wanted.upperBound
      }
      #expect(run.passed.lowerBound == passed && run.passed.upperBound <= offset)
      passed = run.passed.upperBound
      #expect(requested >= offset + Self.block)
    }
    #expect(requested > 4000 * Self.block + Self.ahead / 2)
    #expect(passed > 3900 * Self.block)
  }

  @Test func `reads that overtake each other a little are in order`() {
    var sequences = ReadSequences()
    var wanted = 0
    for number in 0..<400 as Range<Int64> {
      let offset = (number ^ 1) * Self.block
      if sequences.note(offset, offset + Self.block, Self.ahead) != nil { wanted += 1 }
    }
    #expect(wanted > 10)
  }

  @Test func `several readers of one file are told apart`() {
    var sequences = ReadSequences()
    var reached = [Int64](repeating: 0, count: 8)
    for number in 0..<200 as Range<Int64> {
      for reader in 0..<8 {
        let offset = Int64(reader) << 30 + number * Self.block
        if let run = sequences.note(offset, offset + Self.block, Self.ahead) { reached[reader] = run.wanted.upperBound }
      }
    }
    for (reader, end) in reached.enumerated() { #expect(end > Int64(reader) << 30 + 200 * Self.block) }
  }

  @Test func `random reads are not read ahead for`() {
    var sequences = ReadSequences()
    var wanted = 0
    var state: UInt64 = 1
    for _ in 0..<5000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let offset = Int64(state >> 30)
      if sequences.note(offset, offset + 4096, Self.ahead) != nil { wanted += 1 }
    }
    #expect(wanted < 50)
    #expect(sequences.strays > 100)
    for number in 0..<3 as Range<Int64> { _ = sequences.note(number * 4096, (number + 1) * 4096, Self.ahead) }
    #expect(sequences.strays == 0)
  }
}
