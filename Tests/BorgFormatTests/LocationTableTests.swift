import BorgFormat
import Testing

struct LocationTableTests {
  private static func id(_ number: Int) -> ChunkID { HashIndexTests.id(number) }

  private static func index(_ numbers: Range<Int>, removing: Range<Int> = 0..<0) -> HashIndex {
    var index = HashIndex(valueWords: 2)
    for number in numbers { index.set(id(number), (UInt32(number / 7), UInt32(number * 3), 0)) }
    for number in removing { index.remove(id(number)) }
    return index
  }

  private static func table(_ file: [UInt8], piece: Int = 100) throws -> LocationTable {
    try file.withUnsafeBytes { file in
      let header = UnsafeRawBufferPointer(rebasing: file[..<HashIndex.headerSize])
      var table = try LocationTable(fileSize: file.count, header: header)
      let size = piece * LocationTable.bucketSize
      for start in stride(from: HashIndex.headerSize, to: file.count, by: size) {
        try table.add(buckets: UnsafeRawBufferPointer(rebasing: file[start..<min(start + size, file.count)]))
      }
      return table
    }
  }

  @Test(arguments: [0, 1, 700, 40_000]) func `a file's entries are found, and no others`(count: Int) throws {
    let index = Self.index(0..<count, removing: 100..<min(300, max(100, count)))
    let table = try Self.table(index.withFileBytes { Array($0) })
    #expect(table.count == index.count)
    #expect(!table.isCrowded)
    for number in 0..<count + 100 {
      let (found, expected) = (table[Self.id(number)], index[Self.id(number)])
      #expect(found?.segment == expected?.0 && found?.offset == expected?.1)
    }
  }

  @Test(arguments: [HashIndex.maximumValue + 1, 0xFFFF_FFFD]) func `a segment that none can be is an error`(
    segment: UInt32
  ) throws {
    var file = Self.index(0..<50).withFileBytes { Array($0) }
    let bucket = try #require(
      stride(from: HashIndex.headerSize, to: file.count, by: LocationTable.bucketSize).first { start in
        file[(start + 34)..<(start + 36)].elementsEqual([0, 0])
      })
    withUnsafeBytes(of: segment.littleEndian) { file.replaceSubrange((bucket + 32)..<(bucket + 36), with: $0) }
    #expect(throws: FormatError.self) { try Self.table(file) }
  }

  @Test func `an entry takes less than 25 bytes`() throws {
    let table = try Self.table(Self.index(0..<100_000).withFileBytes { Array($0) })
    #expect(table.byteCount < 100_000 * 25)
  }

  @Test func `entries come and go later`() throws {
    var table = try Self.table(Self.index(0..<1000).withFileBytes { Array($0) })
    for round in 0..<20 {
      for number in 0..<1000 { table.set(Self.id(number + round * 1000), (UInt32(round), UInt32(number))) }
      for number in 0..<1000 where number.isMultiple(of: 2) { table.remove(Self.id(number + round * 1000)) }
      table.remove(Self.id(-1))
    }
    #expect(table.count == 10_000)
    for number in 0..<20_000 {
      let found = table[Self.id(number)]
      #expect((found?.segment).map { Int($0) } == (number.isMultiple(of: 2) ? nil : number / 1000))
    }
    for number in 0..<20_000 { table.set(Self.id(number), (9, 9)) }
    #expect(table.count == 20_000)
  }

  @Test func `ids that agree only in the beginning are told apart`() {
    var table = LocationTable()
    let ids = (UInt64(0)..<4000).map { ChunkID(words: (7, $0, 0, 0)) }
    for (number, id) in ids.enumerated() { table.set(id, (1, UInt32(number))) }
    #expect(ids.enumerated().allSatisfy { table[$1]?.offset == UInt32($0) })
  }

  @Test func `ids that crowd are noticed before they cost much`() throws {
    var index = HashIndex(valueWords: 2, capacity: 8000)
    for number in UInt64(0)..<4000 { index.set(ChunkID(words: (7, number, 0, 0)), (1, 1, 0)) }
    #expect(try Self.table(index.withFileBytes { Array($0) }).isCrowded)
  }

  @Test func `what is no such file is refused`() {
    let file = Self.index(0..<10).withFileBytes { Array($0) }
    for damaged in [Array(file.dropLast()), Array(file.dropLast(40)), [0] + file.dropFirst(), file + file] {
      #expect(throws: FormatError.self) { try Self.table(damaged) }
    }
    #expect(throws: FormatError.self) {
      try file.withUnsafeBytes { file in
        try LocationTable(fileSize: file.count, header: UnsafeRawBufferPointer(rebasing: file[..<10]))
      }
    }
  }
}
