import BorgFormat
import BorgTesting
import Testing

struct ItemCodecTests {
  struct Vector: Sendable, CustomTestStringConvertible {
    var name: String
    var fields: [String: JSONValue]
    var packed: [UInt8]
    var testDescription: String { name }
    /// Times beyond 64 bits are read as the nearest that fits, so they do not come back.
    var isExact: Bool { !name.hasPrefix("mtime ") }
  }

  static func vectors() throws -> [Vector] {
    try #require(try Fixtures.vectors("items")["items"]?.arrayValue).map { vector in
      var fields: [String: JSONValue] = [:]
      for field in try #require(vector["fields"]?.arrayValue) {
        fields[try #require(field.arrayValue?[0].stringValue)] = try #require(field.arrayValue?[1])
      }
      return Vector(
        name: try #require(vector["name"]?.stringValue), fields: fields,
        packed: try #require(Hex.decode(vector["msgpack"]?.stringValue ?? "")))
    }
  }

  static func decode(_ bytes: [UInt8]) throws -> (item: Item, byteCount: Int)? {
    try bytes.withUnsafeBytes { try ItemCodec.decode($0) }
  }

  @Test(arguments: try vectors())
  func `every kind of item comes back byte for byte`(vector: Vector) throws {
    let decoded = try #require(try Self.decode(vector.packed + [0x99]))
    #expect(decoded.byteCount == vector.packed.count)
    var packed: [UInt8] = [7]
    ItemCodec.encode(decoded.item, into: &packed)
    #expect(!vector.isExact || packed == [7] + vector.packed)
  }

  @Test(arguments: try vectors())
  func `fields have the values that Borg wrote`(vector: Vector) throws {
    let item = try #require(try Self.decode(vector.packed)).item
    func raw(_ key: String) -> [UInt8]? { vector.fields[key]?["hex"]?.stringValue.flatMap { Hex.decode($0) } }
    func int(_ key: String) -> Int64? {
      vector.fields[key]?.intValue ?? vector.fields[key]?["int"]?.stringValue.flatMap { Int64($0) }
    }
    #expect(item.path == raw("path"))
    #expect(item.source == raw("source"))
    #expect(item.user == raw("user"))
    #expect(Int64(item.mode) == int("mode"))
    #expect(item.uid == int("uid"))
    #expect(item.ctime == int("ctime"))
    #expect(!vector.isExact || item.mtime == int("mtime"))
    #expect(item.size == int("size"))
    #expect(item.part == int("part"))
    #expect(item.hardlinkMaster == vector.fields["hardlink_master"]?.boolValue)
    #expect(item.aclAccess == raw("acl_access"))
    #expect(item.aclExtended == raw("acl_extended"))
    #expect(item.bsdflags.map { Int64($0) } == int("bsdflags"))
    #expect(item.chunks?.count == vector.fields["chunks"]?.arrayValue?.count)
    #expect(item.chunksHealthy?.count == vector.fields["chunks_healthy"]?.arrayValue?.count)
    #expect(
      item.chunks?.first?.id.hex == vector.fields["chunks"]?.arrayValue?.first?.arrayValue?[0]["hex"]?.stringValue)
    #expect(item.xattrs.count == vector.fields["xattrs"]?["map"]?.arrayValue?.count ?? 0)
  }

  @Test(arguments: try vectors())
  func `skimming agrees with decoding`(vector: Vector) throws {
    let item = try #require(try Self.decode(vector.packed)).item
    let location = ItemLocation(firstChunk: 3, offset: 4, length: 5)
    try vector.packed.withUnsafeBytes { bytes in
      let (summary, byteCount) = try #require(try ItemCodec.skim(bytes, at: location))
      #expect(byteCount == bytes.count)
      #expect([UInt8](summary.path) == item.path)
      #expect(summary.mode == item.mode && summary.uid == item.uid && summary.gid == item.gid)
      #expect(summary.mtime == item.mtime && summary.ctime == item.ctime && summary.atime == item.atime)
      #expect((summary.user.baseAddress == nil) == (item.user == nil))
      #expect([UInt8](summary.group) == item.group ?? [])
      #expect([UInt8](summary.source) == item.source ?? [])
      #expect(summary.size == item.size ?? 0 && summary.rdev == item.rdev ?? 0)
      #expect(summary.hasChunks == (item.chunks != nil) && summary.hasHealthyChunks == (item.chunksHealthy != nil))
      #expect(summary.hardlinkMaster == item.hardlinkMaster && summary.isPart == (item.part != nil))
      #expect(summary.attributeKinds == item.attributeKinds)
      #expect((summary.contentHash == 0) == (item.chunks == nil))
      #expect(summary.location == location)
    }
  }

  @Test(arguments: [[], ["user.a"], ["security.selinux"], ["user.a", "system.posix_acl_access", "security.selinux"]])
  func `skimming tells the kinds of attributes`(names: [String]) throws {
    for list in [nil, Array("user::rwx".utf8)] {
      var item = Item(path: [0x61])
      item.xattrs = names.map { ExtendedAttribute(name: Array($0.utf8), value: [1]) }
      item.aclDefault = list
      var packed: [UInt8] = []
      ItemCodec.encode(item, into: &packed)
      var expected: AttributeKinds = list == nil ? [] : .accessControlList
      if names.contains("user.a") { expected.insert(.other) }
      if names.contains("security.selinux") { expected.insert(.securityLabel) }
      if names.contains("system.posix_acl_access") { expected.insert(.accessControlList) }
      let skimmed = try packed.withUnsafeBytes {
        try ItemCodec.skim($0, at: .init(firstChunk: 0, offset: 0, length: 0))?.summary.attributeKinds
      }
      #expect(skimmed == expected && item.attributeKinds == expected)
    }
  }

  @Test func `the content hash depends on the order of chunks and the size on them when there is none`() throws {
    func summary(_ chunks: [ChunkListEntry]) throws -> (hash: UInt64, size: Int64) {
      var item = Item(path: [0x61])
      item.chunks = chunks
      var packed: [UInt8] = []
      ItemCodec.encode(item, into: &packed)
      return try packed.withUnsafeBytes { bytes in
        let summary = try #require(try ItemCodec.skim(bytes, at: .init(firstChunk: 0, offset: 0, length: 0))).summary
        return (summary.contentHash, summary.size)
      }
    }
    let a = ChunkListEntry(id: ChunkID(words: (1, 2, 3, 4)), size: 10, storedSize: 1)
    let b = ChunkListEntry(id: ChunkID(words: (1, 2, 3, 5)), size: 20, storedSize: 1)
    let hashes = Set(try [[], [a], [b], [a, b], [b, a], [a, a]].map { try summary($0).hash })
    #expect(hashes.count == 6)
    #expect(try summary([a, b]).size == 30)
  }

  @Test func `an item that is cut anywhere asks for more`() throws {
    for vector in try Self.vectors() {
      for count in 0..<vector.packed.count {
        let cut = Array(vector.packed[..<count])
        let decoded = try Self.decode(cut)
        #expect(decoded == nil)
        try cut.withUnsafeBytes { bytes in
          let skimmed = try ItemCodec.skim(bytes, at: .init(firstChunk: 0, offset: 0, length: 0))
          #expect(skimmed == nil)
          var calls = 0
          let byteCount = try ItemCodec.forEachChunk(bytes) { _ in calls += 1 }
          #expect(byteCount == nil && calls == 0)
        }
      }
    }
  }

  @Test(arguments: [
    ("80", "msgpack: item has no path"),
    ("81a470617468a0", "msgpack: item has no path"),
    ("81a470617468a3610062", "msgpack: a zero byte in a name"),
    ("81a46d6f6465cf0000000100000000", "msgpack: mode out of range"),
    ("81a46d6f6465ff", "msgpack: negative integer"),
    ("81a473697a65ff", "msgpack: negative size"),
    ("81a3756964a161", "msgpack: expected an integer, found bytes"),
    (
      "81a66368756e6b739192da002050edc262344620ebd2c9cabf9297150b2175819f0e9ac19b0bb104e61072cba301",
      "msgpack: a chunk list entry has not three elements"
    ),
    ("81a66368756e6b739193a1610101", "msgpack: expected an id of 32 bytes, found 1"),
  ])
  func `a broken item says what is wrong and where the next begins`(packed: String, message: String) throws {
    let bytes = try #require(Hex.decode(packed))
    let error = #expect(throws: FormatError.self) { try Self.decode(bytes + [0x80]) }
    #expect(error?.description == message)
    #expect(error?.skippableByteCount == bytes.count)
  }

  @Test func `bytes that are no msgpack cannot be skipped`() throws {
    let error = #expect(throws: FormatError.self) { try Self.decode([0x81, 0xc1, 0xc1]) }
    #expect(error?.skippableByteCount == nil)
  }

  @Test func `lists of chunks that may be holes are handed over as they are stored`() throws {
    func candidates(_ chunks: [(size: UInt32, stored: UInt32)]) throws -> [ChunkListEntry]? {
      var item = Item(path: [0x70], mode: 0o100644)
      item.chunks = chunks.map { ChunkListEntry(id: .manifest, size: $0.size, storedSize: $0.stored) }
      var packed: [UInt8] = []
      ItemCodec.encode(item, into: &packed)
      return try packed.withUnsafeBytes { packed in
        let location = ItemLocation(firstChunk: 0, offset: 0, length: 0)
        let list = try #require(try ItemCodec.skim(packed, at: location)).summary.chunksWithHoles
        guard list.baseAddress != nil else { return nil }
        let entries = try ItemCodec.chunkList(list)
        #expect(entries == item.chunks)
        return entries
      }
    }
    // Of a size that holes are cut into; as small as only zeros become; none of both.
    for hole in [(4096, 4099), (65536 * 5, 400_000), (8 << 20, 33_000), (100_001, 600)] as [(UInt32, UInt32)] {
      #expect(try candidates([(100, 90), hole, (5000, 5001)])?.count == 3)
    }
    for data in [(100, 20), (2048, 2051), (100_001, 100_004), (100_001, 0), (64 << 20, 10)] as [(UInt32, UInt32)] {
      #expect(try candidates([data]) == nil)
    }
    #expect(try candidates([]) == nil)
  }

  @Test func `the cache synchroniser counts each top-level chunk reference`() throws {
    let vectors = try #require(try Fixtures.vectors("caches")["cache_sync"])
    var stream = ArraySlice(try Self.vectors().flatMap(\.packed))
    var references: [String: [Int64]] = [:]
    while !stream.isEmpty {
      let byteCount = try stream.withUnsafeBytes { bytes in
        try ItemCodec.forEachChunk(bytes) { chunk in
          let known = references[chunk.id.hex] ?? [0, Int64(chunk.size), Int64(chunk.storedSize)]
          references[chunk.id.hex] = [known[0] + 1, known[1], known[2]]
        }
      }
      stream = stream.dropFirst(try #require(byteCount))
    }
    let expected = try #require(vectors["refs"]?.arrayValue)
    #expect(references.count == expected.count)
    for reference in expected.compactMap(\.arrayValue) {
      #expect(references[try #require(reference[0].stringValue)] == reference[1...].map { $0.intValue ?? -1 })
    }
  }

  @Test func `the cache synchroniser refuses what is no chunk list`() throws {
    for vector in try #require(try Fixtures.vectors("caches")["cache_sync_errors"]?.arrayValue) {
      let bytes = try #require(Hex.decode(vector["stream"]?.stringValue ?? ""))
      let feed = { try bytes.withUnsafeBytes { try ItemCodec.forEachChunk($0) { _ in } } }
      switch try #require(vector["case"]?.stringValue) {
      case "chunk entry of length 2", "key of 31 bytes", "chunks is nil":
        #expect(throws: FormatError.self) { try feed() }
      default: #expect(try feed() == bytes.count)
      }
    }
  }

  @Test func `times beyond 64 bits become the nearest that fits`() throws {
    func mtime(_ packed: String) throws -> Int64 {
      let bytes = try #require(Hex.decode("82a470617468a161a56d74696d65" + packed))
      return try #require(try Self.decode(bytes)).item.mtime
    }
    #expect(try mtime("a9050000000000008000") == .max)
    #expect(try mtime("a9fbffffffffffff7fff") == .min)
    #expect(try mtime("a2ff00") == 255)
    #expect(try mtime("a1ff") == -1)
    #expect(try mtime("a9ffffffffffffff7f00") == .max)
    #expect(try mtime("a8ffffffffffffff7f") == .max)
    #expect(try mtime("cfffffffffffffffff") == .max)
    #expect(try mtime("a0") == 0)
  }

  @Test func `the largest item of every field is encoded`() throws {
    var item = Item(path: [UInt8](repeating: 0x70, count: 70_000), mode: .max)
    item.uid = .min
    item.gid = .min
    item.user = [UInt8](repeating: 1, count: 300)
    item.group = item.user
    item.mtime = .min
    item.ctime = .min
    item.atime = .min
    item.birthtime = .min
    item.chunks = [ChunkListEntry](
      repeating: .init(id: .manifest, size: .max, storedSize: .max), count: 70_000)
    item.chunksHealthy = item.chunks
    item.size = .max
    item.hardlinkMaster = true
    item.source = item.path
    item.rdev = .max
    item.bsdflags = .max
    item.xattrs = (0..<40).map { .init(name: [UInt8](repeating: 2, count: 40 + $0), value: item.path) }
    item.aclAccess = item.path
    item.aclDefault = item.path
    item.aclNFS4 = item.path
    item.aclExtended = item.path
    item.part = .min
    var packed: [UInt8] = []
    ItemCodec.encode(item, into: &packed)
    #expect(try #require(try Self.decode(packed)).item == item)
  }
}
