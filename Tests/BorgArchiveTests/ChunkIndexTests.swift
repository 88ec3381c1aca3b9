import BorgFormat
import Testing

@testable import BorgArchive

@Suite struct ChunkIndexTests {
  private let id = ChunkID(words: (1, 2, 3, 4))
  private let maximum = HashIndex.maximumValue

  @Test func `references come and go, and the sizes stay those of the first`() {
    let index = ChunkIndex()
    #expect(index.addReference(id) == nil)
    #expect(index.removeReference(id) == nil)
    index.insert(id, size: 10, storedSize: 5)
    index.insert(id, size: 11, storedSize: 6)
    #expect(index.addReference(id) == .init(references: 3, size: 10, storedSize: 5))
    #expect(index.removeReference(id)?.references == 2)
    #expect(index.removeReference(id)?.references == 1)
    #expect(index.removeReference(id) == .init(references: 0, size: 10, storedSize: 5))
    #expect(index[id] == nil)
    #expect(index.count == 0)
  }

  @Test func `the maximum count sticks`() {
    let index = ChunkIndex()
    index.withTable { $0.set(id, .init(references: maximum - 1, size: 1, storedSize: 1)) }
    #expect(index.addReference(id)?.references == maximum)
    #expect(index.addReference(id)?.references == maximum)
    #expect(index.removeReference(id)?.references == maximum)
    #expect(index[id]?.references == maximum)
  }

  @Test func `an unknown size is learnt once`() {
    let index = ChunkIndex()
    index.withTable { $0.set(id, .init(references: maximum, size: 0, storedSize: 0)) }
    #expect(index.addReference(id, size: 7)?.size == 7)
    #expect(index.addReference(id, size: 8)?.size == 7)
    #expect(index[id]?.size == 7)
  }

  @Test func `the summary counts references and unique chunks`() {
    let index = ChunkIndex()
    index.withTable { table in
      table.set(id, .init(references: 3, size: 100, storedSize: 60))
      table.set(ChunkID(words: (9, 9, 9, 9)), .init(references: 1, size: .max, storedSize: .max))
    }
    let summary = index.summary()
    #expect(summary.totalSize == 300 + Int64(UInt32.max))
    #expect(summary.totalStoredSize == 180 + Int64(UInt32.max))
    #expect(summary.uniqueSize == 100 + Int64(UInt32.max))
    #expect(summary.uniqueStoredSize == 60 + Int64(UInt32.max))
    #expect(summary.totalChunks == 4)
    #expect(summary.uniqueChunks == 2)
  }
}
