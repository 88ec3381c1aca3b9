import BorgFormat
import BorgTesting
import Testing

/// Random and damaged bytes must throw or decode, never trap. The seed is fixed, so that what fails fails again.
struct HostileBytesTests {
  static let limit = Duration.milliseconds(400)

  /// Damages a copy of `bytes`: flips, overwrites, removes, repeats, or cuts.
  static func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1:
        bytes[index] = [0, 0x7f, 0x80, 0xff, 0xc1, 0xdf, 0xdd, 0xdb, 0xcf, 0xd3].randomElement(using: &random) ?? 0
      case 2: bytes.remove(at: index)
      case 3: bytes.insert(contentsOf: bytes[index...].prefix(9), at: index)
      case 4: bytes.removeLast(bytes.count - index)
      default: bytes[index] = UInt8.random(in: 0...255, using: &random)
      }
    }
    return bytes
  }

  /// Calls `body` with damaged samples until the time is up; at least a few hundred times.
  static func attack(_ samples: [[UInt8]], seed: UInt64, _ body: ([UInt8]) throws -> Void) {
    var random = SeededGenerator(state: seed)
    let clock = ContinuousClock()
    let start = clock.now
    var rounds = 0
    while rounds < 500 || clock.now - start < limit, let sample = samples.randomElement(using: &random) {
      let isRandom = rounds.isMultiple(of: 8)
      let noise = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      try? body(isRandom ? noise : damaged(sample, &random))
      rounds += 1
    }
    #expect(rounds >= 500)
  }

  @Test func `items decode, skim and encode or throw`() throws {
    let location = ItemLocation(firstChunk: 0, offset: 0, length: 0)
    Self.attack(try ItemCodecTests.vectors().map(\.packed), seed: 1) { bytes in
      try bytes.withUnsafeBytes { buffer in
        _ = try? ItemCodec.skim(buffer, at: location)
        _ = try? ItemCodec.forEachChunk(buffer) { _ in }
        guard let (item, byteCount) = try ItemCodec.decode(buffer) else { return }
        #expect(byteCount <= buffer.count && !item.path.isEmpty)
        let skimmed = try ItemCodec.skim(buffer, at: location)
        #expect(skimmed?.byteCount == byteCount)
        var packed: [UInt8] = []
        ItemCodec.encode(item, into: &packed)
        let again = try #require(try packed.withUnsafeBytes { try ItemCodec.decode($0) })
        #expect(again.byteCount == packed.count)
      }
    }
  }

  @Test func `a broken item is skipped as far as it goes`() throws {
    Self.attack(try ItemCodecTests.vectors().map(\.packed), seed: 2) { bytes in
      do {
        _ = try ItemCodecTests.decode(bytes)
      } catch let error as FormatError {
        guard let count = error.skippableByteCount else { return }
        #expect(count > 0 && count <= bytes.count)
      }
    }
  }

  @Test func `packed values, manifests, archives and keys decode or throw`() throws {
    let vectors = try Fixtures.vectors("archives")
    let archives = try #require(vectors["archives"]?.arrayValue).compactMap { $0["packed_without_tam"]?.stringValue }
    let keys = try #require(try Fixtures.vectors("keys")["blobs"]?.arrayValue)
    let blobs = keys.flatMap { [$0["outer_msgpack"]?.stringValue, $0["inner_msgpack"]?.stringValue] }
    let manifest = vectors["manifest_with_feature_flags_without_tam"]?.stringValue
    let samples = (archives + (blobs + [manifest]).compactMap { $0 }).compactMap { Hex.decode($0) }
    Self.attack(samples, seed: 3) { bytes in
      _ = try? ArchiveMetadata(decoding: bytes)
      _ = try? ManifestData(decoding: bytes)
      _ = try? KeyBlob(decoding: bytes)
      _ = try? KeyBlob.Secrets(decoding: bytes)
      let value = try MessagePackValue(decoding: bytes)
      let again = try MessagePackValue(decoding: value.encoded())
      #expect(again.encoded() == value.encoded())
    }
  }

  @Test func `hash tables are read and changed or refused`() {
    var index = HashIndex(valueWords: 2, capacity: 1)
    for number in 0..<40 { index.set(HashIndexTests.id(number), (1, 2, 0)) }
    let compact = index.compactFile()
    Self.attack([compact, Array(compact[..<58]), Array(compact[..<18])], seed: 4) { bytes in
      var bytes = bytes
      if bytes.count > 18 {
        bytes.removeLast((bytes.count - 18) % 40)
        withUnsafeBytes(of: Int32((bytes.count - 18) / 40).littleEndian) { bytes.replaceSubrange(12..<16, with: $0) }
      }
      _ = try? HashIndex(decodingCompact: bytes, valueWords: 2)
      var table = try HashIndex(decoding: bytes, valueWords: 2)
      for number in 0..<60 {
        table.merge(HashIndexTests.id(number), (.max, 3, 0))
        if number.isMultiple(of: 3) { table.remove(HashIndexTests.id(number)) }
      }
      var count = 0
      table.forEach { _, _ in count += 1 }
      #expect(count == table.count)
    }
  }

  @Test func `configs, JSON, base64, paths and format strings are read or refused`() {
    let config = "[repository]\nversion = 1\nkey = abc\n\tdef\n; c\n\n[a: b]\nx: y\n"
    let json =
      #"{"algorithm": "XXH64", "digests": {"HashHeader": "b6\u00e3\ud83d\ude00", "final": [1, -2.5e-3, null]}}"#
    let others = ["//a/./../b//..", "{user:{x}>5}{{ }}{now!r:%Y}", "YWJj\nYQ==", "é{a[b]}"]
    Self.attack(([config, json] + others).map { Array($0.utf8) }, seed: 5) { bytes in
      _ = (try? ConfigFile(parsing: bytes)).map { try? ConfigFile(parsing: $0.encoded()) }
      if let value = try? JSONValue(parsing: String(decoding: bytes, as: UTF8.self)) {
        let again = try JSONValue(parsing: value.text())
        #expect(again == value)
      }
      _ = Base64.decode(bytes)
      _ = displayText(bytes)
      #expect(UTF8Sequence.bytes(UTF8Sequence.characters(bytes)) == bytes)
      #expect(ArchivePath.normalized(ArchivePath.normalized(bytes)) == ArchivePath.normalized(bytes))
      #expect(ArchivePath.stored(bytes).first != UInt8(ascii: "/"))
      var output: [UInt8] = []
      _ = try? FormatTemplate(parsing: bytes).text { _, spec in
        try FieldSpec(forInteger: String(decoding: spec.prefix(40), as: UTF8.self)).append(integer: -5, to: &output)
        return []
      }
      try? FieldSpec(forText: String(decoding: bytes, as: UTF8.self)).append(text: bytes, to: &output)
    }
  }
}
