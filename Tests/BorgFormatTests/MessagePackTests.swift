import BorgFormat
import BorgTesting
import Testing

struct MessagePackTests {
  @Test func `integers take their shortest form`() throws {
    for vector in try #require(try Fixtures.vectors("items")["msgpack_ints"]?.arrayValue) {
      let pair = try #require(vector.arrayValue?.map { $0.stringValue ?? "" })
      let large = UInt64(pair[0]).map { MessagePackValue.uint($0) }
      let value = try #require(Int64(pair[0]).map { MessagePackValue.int($0) } ?? large)
      #expect(Hex.encode(value.encoded()) == pair[1])
      #expect(try MessagePackValue(decoding: value.encoded()) == value)
    }
  }

  @Test func `raw, array and map heads are those of the old dialect`() throws {
    let vectors = try Fixtures.vectors("items")
    for vector in try #require(vectors["msgpack_raw_lengths"]?.arrayValue) {
      let count = Int(try #require(vector["len"]?.intValue))
      let packed = MessagePackValue.raw([UInt8](repeating: 0x61, count: count)).encoded()
      let head = try #require(vector["head"]?.stringValue)
      #expect(Hex.encode(packed.prefix(head.utf8.count / 2)) == head)
      #expect(try MessagePackValue(decoding: packed).rawValue?.count == count)
    }
    for vector in try #require(vectors["msgpack_array_heads"]?.arrayValue?.map(\.arrayValue)) {
      let count = Int(try #require(vector?[0].intValue))
      let packed = MessagePackValue.array([MessagePackValue](repeating: .int(0), count: count)).encoded()
      #expect(Hex.encode(packed).hasPrefix(try #require(vector?[1].stringValue)))
    }
    #expect(
      MessagePackValue.map((0..<16).map { .init(key: .int($0), value: .null) }).encoded().starts(with: [0xde, 0, 16]))
  }

  @Test(arguments: [
    ("d90161", "61"), ("c40161", "61"), ("da000161", "61"), ("c5000161", "61"), ("db0000000161", "61"),
    ("c60000000161", "61"),
  ])
  func `every encoding of bytes is read`(packed: String, raw: String) throws {
    let bytes = try #require(Hex.decode(packed))
    #expect(try MessagePackValue(decoding: bytes).rawValue == Hex.decode(raw))
  }

  @Test(arguments: ["", "c1", "dbffffffff", "dfffffffff", "ddffffffff", "a261", "0000", "cf00", "c70001", "d4"])
  func `what is no value throws`(packed: String) throws {
    let bytes = try #require(Hex.decode(packed))
    #expect(throws: FormatError.self) { try MessagePackValue(decoding: bytes) }
  }

  @Test func `deep nesting is refused when decoded and bounded by nothing when skipped`() throws {
    let deep = [UInt8](repeating: 0x91, count: 1_000_000) + [0]
    #expect(throws: FormatError.self) { try MessagePackValue(decoding: deep) }
    try deep.withUnsafeBytes { buffer in
      var reader = MessagePackReader(buffer)
      try reader.skipValue()
      #expect(reader.isAtEnd)
    }
  }
}
