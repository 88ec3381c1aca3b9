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
}
