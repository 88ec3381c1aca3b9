import BorgFormat
import Testing

@testable import BorgArchive

@Suite struct ChunkCacheTests {
  private func id(_ number: UInt64) -> ChunkID { ChunkID(words: (number, 0, 0, 0)) }

  @Test func `the least recently used chunks go first`() {
    var cache = ChunkCache(maximumBytes: 30)
    for number in 1...3 as ClosedRange<UInt64> { cache.insert(id(number), [UInt8](repeating: 0, count: 10)) }
    #expect(cache.chunk(id(1)) != nil)
    cache.insert(id(4), [UInt8](repeating: 4, count: 15))
    #expect(cache.chunk(id(2)) == nil)
    #expect(cache.chunk(id(3)) == nil)
    #expect(cache.chunk(id(1)) != nil)
    #expect(cache.chunk(id(4))?.count == 15)
    #expect(cache.byteCount == 25)
  }

  @Test func `a chunk larger than the cache is not kept`() {
    var cache = ChunkCache(maximumBytes: 5)
    cache.insert(id(1), [1, 2])
    cache.insert(id(2), [UInt8](repeating: 0, count: 6))
    #expect(cache.chunk(id(2)) == nil)
    #expect(cache.chunk(id(1)) == [1, 2])
  }

  @Test func `bytes are accounted for over many rounds`() {
    var cache = ChunkCache(maximumBytes: 1000)
    for round in 0..<10_000 as Range<UInt64> {
      let number = round &* 2_654_435_761 % 101
      if cache.chunk(id(number)) == nil {
        cache.insert(id(number), [UInt8](repeating: UInt8(number), count: Int(number)))
      }
      #expect(cache.byteCount <= 1000)
    }
    let kept = (0..<101 as Range<UInt64>).compactMap { cache.chunk(id($0))?.count }
    #expect(kept.reduce(0, +) == cache.byteCount)
  }

  @Test func `retired chunks go before all others, and only a few are kept`() {
    var cache = ChunkCache(maximumBytes: 100, maximumRetiredBytes: 25)
    for number in 1...5 as ClosedRange<UInt64> { cache.insert(id(number), [UInt8](repeating: 0, count: 10)) }
    for number in [5, 4, 3] as [UInt64] { cache.retire(id(number)) }
    #expect((cache.byteCount, cache.retiredBytes) == (40, 20))
    #expect(cache.chunk(id(5)) == nil)
    #expect(cache.chunk(id(4)) != nil)
    #expect(cache.retiredBytes == 10)
    cache.insert(id(6), [UInt8](repeating: 0, count: 65))
    #expect(cache.chunk(id(3)) == nil)
    #expect([1, 2, 4, 6].allSatisfy { cache.chunk(id($0)) != nil })
  }

  @Test func `retiring and using in any order keeps the accounts`() {
    var cache = ChunkCache(maximumBytes: 1000, maximumRetiredBytes: 300)
    var state: UInt64 = 3
    for _ in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let number = state >> 40 % 101
      switch state >> 60 % 3 {
      case 0: cache.retire(id(number))
      case 1: _ = cache.chunk(id(number))
      default: cache.insert(id(number), [UInt8](repeating: 0, count: Int(number)))
      }
      #expect(cache.byteCount <= 1000 && cache.retiredBytes <= 300)
    }
    let kept = (0..<101 as Range<UInt64>).compactMap { cache.chunk(id($0))?.count }
    #expect((kept.reduce(0, +), cache.retiredBytes) == (cache.byteCount, 0))
  }
}
