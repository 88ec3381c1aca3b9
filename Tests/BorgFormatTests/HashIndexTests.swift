import BorgFormat
import BorgTesting
import Testing

struct HashIndexTests {
  static func id(_ number: Int) -> ChunkID {
    var hash = XXHash64()
    hash.update(Array(String(number).utf8))
    return ChunkID(words: (hash.digest(), UInt64(bitPattern: Int64(number)), 0, 0))
  }

  static func chunkIndexVector() throws -> JSONValue {
    try #require(try Fixtures.vectors("caches")["chunk_index"])
  }

  static func entries(_ vector: JSONValue) throws -> [(ChunkID, HashIndex.Value)] {
    try #require(vector["inserted_in_order__key_refcount_size_csize"]?.arrayValue).map { entry in
      let fields = try #require(entry.arrayValue)
      let numbers = fields[1...].map { UInt32($0.intValue ?? 0) }
      return (try #require(ChunkID(hex: fields[0].stringValue ?? "")), (numbers[0], numbers[1], numbers[2]))
    }
  }

  @Test func `a chunk index has the bytes that Borg writes`() throws {
    let vector = try Self.chunkIndexVector()
    var index = HashIndex(valueWords: 3)
    for (id, value) in try Self.entries(vector) { index.set(id, value) }
    #expect(index.bucketCount == 1031)
    #expect(index.count == 30)
    let file = index.withFileBytes { [UInt8]($0) }
    #expect(Hex.encode(file.prefix(18)) == vector["header"]?.stringValue)
    #expect(file.count == 18 + 1031 * 44)
    #expect(Hex.encode(file[18..<62]) == vector["empty_bucket_when_never_used"]?.stringValue)
    for bucket in try #require(vector["used_buckets__number_keyprefix"]?.arrayValue).compactMap(\.arrayValue) {
      let start = 18 + Int(try #require(bucket[0].intValue)) * 44
      #expect(Hex.encode(file[start..<start + 8]) == bucket[1].stringValue)
    }
    let digests = file.withUnsafeBytes { IntegrityData(fileName: "chunks", file: $0, headerLength: 18) }
    #expect(digests.json == vector["integrity_of_whole_file_named_chunks"]?.stringValue)
    let again = try HashIndex(decoding: file, valueWords: 3)
    for (id, value) in try Self.entries(vector) {
      let found = try #require(again[id])
      #expect(found == value)
    }
  }

  @Test func `the compact form has the bytes that Borg writes and comes back`() throws {
    let vector = try Self.chunkIndexVector()
    let compact = try #require(vector["compact"])
    let file = try #require(Hex.decode(compact["content"]?.stringValue ?? ""))
    let name = try #require(compact["file_name"]?.stringValue)
    let digests = file.withUnsafeBytes { IntegrityData(fileName: name, file: $0, headerLength: 18) }
    #expect(digests.json == compact["integrity_file"]?.stringValue)
    let index = try HashIndex(decodingCompact: file, valueWords: 3)
    #expect(index.count == 3)
    #expect(index.compactFile() == file)
    let empty = try #require(Hex.decode(vector["compact_empty"]?.stringValue ?? ""))
    #expect(HashIndex(valueWords: 3).compactFile() == empty)
    let none = try HashIndex(decodingCompact: empty, valueWords: 3)
    #expect(none.count == 0)
  }

  @Test func `a repository index has the bytes of the worked example`() throws {
    let ids = [1, 2].map { ChunkID([UInt8](repeating: $0, count: 32))! }
    var index = HashIndex(valueWords: 2)
    index.set(ids[0], (0, 8, 0))
    index.set(ids[1], (0, 52, 0))
    index.remove(ids[0])
    let file = index.withFileBytes { [UInt8]($0) }
    #expect(file.count == 41258)
    #expect(Hex.encode(file.prefix(18)) == "424f52475f49445801000000070400002008")
    #expect(Hex.encode(file[(18 + 155 * 40)...].prefix(40)) == String(repeating: "02", count: 32) + "0000000034000000")
    #expect(Hex.encode(file[(18 + 593 * 40)...].prefix(40)) == String(repeating: "01", count: 32) + "feffffff08000000")
    let digests = file.withUnsafeBytes { IntegrityData(fileName: "index.3", file: $0, headerLength: 18) }
    #expect(
      digests.json
        == #"{"algorithm": "XXH64", "digests": {"HashHeader": "b6e37e1c9b586a64", "final": "1213adbab0a4cbee"}}"#)
  }

  @Test func `a table grows and shrinks at Borg's limits`() {
    var index = HashIndex(valueWords: 2)
    var sizes: [Int: Int] = [:]
    for number in 1...3100 {
      let before = index.bucketCount
      index.set(Self.id(number), (1, UInt32(number), 0))
      if index.bucketCount != before { sizes[number] = index.bucketCount }
    }
    #expect(sizes == [775: 2053, 1541: 4099, 3076: 8209])
    for number in 1...3100 { #expect(index[Self.id(number)]?.1 == UInt32(number)) }
    for number in 1...3100 {
      let wasThere = index.remove(Self.id(number))
      #expect(wasThere)
    }
    #expect(index.bucketCount == 1031)
    #expect(index.count == 0)
    let isStillThere = index.remove(Self.id(1))
    #expect(!isStillThere)
  }

  @Test func `a table under random changes agrees with a dictionary`() {
    var random = SeededGenerator(state: 11)
    var index = HashIndex(valueWords: 3)
    var expected: [ChunkID: UInt32] = [:]
    for step in 0..<60_000 {
      let id = Self.id(Int.random(in: 0..<3000, using: &random))
      if Bool.random(using: &random) {
        index.set(id, (1, UInt32(step), 7))
        expected[id] = UInt32(step)
      } else {
        let wasThere = index.remove(id)
        #expect(wasThere == (expected.removeValue(forKey: id) != nil))
      }
    }
    #expect(index.count == expected.count)
    for (id, value) in expected { #expect(index[id]?.1 == value) }
    var seen = 0
    index.forEach { id, value in
      seen += 1
      #expect(expected[id] == value.1)
    }
    #expect(seen == expected.count)
  }

  @Test func `references saturate and stay at the maximum`() {
    var index = HashIndex(valueWords: 3)
    index.set(Self.id(1), (HashIndex.maximumValue - 1, 5, 6))
    for delta in [1, UInt32.max] {
      let value = index.addToFirst(Self.id(1), delta)
      #expect(value?.0 == HashIndex.maximumValue)
    }
    let absent = index.addToFirst(Self.id(2), 1)
    #expect(absent == nil)
    index.merge(Self.id(2), (.max, 1, 2))
    index.merge(Self.id(2), (1, 3, 4))
    #expect(index[Self.id(2)]! == (HashIndex.maximumValue, 3, 4))
  }

  @Test func `ids are listed in pages`() {
    var index = HashIndex(valueWords: 2)
    for number in 0..<100 { index.set(Self.id(number), (0, 0, 0)) }
    var all: [ChunkID] = []
    while let page = index.ids(after: all.last, limit: 7), !page.isEmpty { all += page }
    #expect(Set(all).count == 100)
    #expect(index.ids(after: Self.id(1000), limit: 7) == nil)
  }

  /// Full tables, tables of one bucket and tables of nothing but tombstones: no search may run for ever.
  @Test(arguments: [1, 9, 37])
  func `a table without an empty bucket is read`(bucketCount: Int) throws {
    var file = Array("BORG_IDX".utf8)
    for _ in 0..<2 { withUnsafeBytes(of: Int32(bucketCount).littleEndian) { file += $0 } }
    file += [32, 8]
    let ids: [[UInt8]] = (0..<bucketCount).map { Self.id($0).bytes }
    let full: [UInt8] = ids.flatMap { $0 + [0, 0, 0, 0, 1, 0, 0, 0] }
    var index = try HashIndex(decoding: file + full, valueWords: 2)
    #expect(index.count == bucketCount)
    for number in 0..<bucketCount { #expect(index[Self.id(number)] != nil) }
    #expect(index[Self.id(-1)] == nil)
    index.set(Self.id(-1), (1, 2, 0))
    #expect(index[Self.id(-1)]?.1 == 2)
    let deleted: [UInt8] = ids.flatMap { $0 + [0xfe, 255, 255, 255, 1, 0, 0, 0] }
    let tombstones = try HashIndex(decoding: file + deleted, valueWords: 2)
    #expect(tombstones.count == 0)
    #expect(tombstones[Self.id(0)] == nil)
  }

  @Test func `a damaged file is refused`() throws {
    let file = HashIndex(valueWords: 2).withFileBytes { [UInt8]($0) }
    var damaged = [Array(file.dropLast()), file + [0], [], Array(file.prefix(17)), Array(file.prefix(18))]
    for (offset, byte) in [(0, UInt8(0)), (11, 0x80), (9, 0x08), (12, 8), (15, 0x80), (16, 31), (17, 12)] {
      var copy = file
      copy[offset] = byte
      damaged.append(copy)
    }
    for file in damaged {
      #expect(throws: FormatError.self) { _ = try HashIndex(decoding: file, valueWords: 2) }
      #expect(throws: FormatError.self) { _ = try HashIndex(decodingCompact: file, valueWords: 2) }
    }
  }
}

/// Splitmix64, so that a failing test fails again.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }
}
