import BorgFormat
import BorgTesting
import Testing

@testable import BorgObjects

@Suite struct ObjectCodecTests {
  private let workspace = CodecWorkspace()

  @Test func `Borg's envelopes open, and ours are the same bytes`() throws {
    for vector in try Fixtures.vectors("envelopes").values("envelopes") {
      let key = try Key.ofVectors(vector.get("mode").text)
      let data = Inputs.named(vector.get("data").text)
      let envelope = vector.get("envelope").hex
      let id = try #require(ChunkID(vector.get("id").hex))
      let codec = ObjectCodec(key: key, nonces: counter(from: nonce(in: envelope)))
      #expect(try codec.unseal(envelope, id: id, workspace: workspace) == data)
      #expect(try codec.payload(envelope, id: id) == vector.get("payload").hex)
      let sealed = try data.withUnsafeBytes { try codec.seal($0, with: .none, workspace: workspace) }
      #expect(sealed == envelope)
    }
  }

  @Test func `damage is told in Borg's words`() throws {
    for vector in try Fixtures.vectors("envelopes").values("repokey_checks") {
      let codec = ObjectCodec(key: try Key.ofVectors(vector.get("mode").text), nonces: nil)
      let id = vector.get("id").optionalText.flatMap { ChunkID(hex: $0) }
      let envelope = vector.get("envelope").hex
      let result = vector.get("result").text
      if result == "ok" {
        #expect(throws: Never.self) { try codec.unseal(envelope, id: id, workspace: workspace) }
      } else {
        #expect("\(vector.get("case").text)") {
          try codec.unseal(envelope, id: id, workspace: workspace)
        } throws: { error in
          guard let error = error as? IntegrityError else { return false }
          return ["IntegrityError: \(error)", "IntegrityError: \(error.detail)"].contains(result)
        }
      }
    }
  }

  @Test func `ids are Borg's`() throws {
    for vector in try Fixtures.vectors("envelopes").values("ids") {
      let key = try Key.ofVectors(vector.get("mode").text)
      let id = Inputs.named(vector.get("data").text).withUnsafeBytes { key.id(of: $0) }
      #expect(id.hex == vector.get("id").text)
    }
  }

  @Test(arguments: KeyType.creatable)
  func `sealed chunks open under their id and no other`(type: KeyType) throws {
    let key = try Key.generate(type: type, repositoryID: .manifest)
    let codec = ObjectCodec(key: key, nonces: counter(from: 1 << 40))
    for (data, spec) in [
      (Inputs.named("text1800"), "lz4"), (Inputs.named("ctr1000"), "zstd,3"), ([], "none"), ([1], "zlib"),
      (Inputs.named("zeros65536"), "obfuscate,3,auto,zstd"),
    ] {
      let sealed = try data.withUnsafeBytes {
        try codec.seal($0, with: Compressor(parsing: spec), workspace: workspace)
      }
      let id = data.withUnsafeBytes { key.id(of: $0) }
      #expect(try codec.unseal(sealed, id: id, sizeHint: data.count, workspace: workspace) == data)
      #expect(try codec.unseal(sealed, id: .manifest, workspace: workspace) == data)
      #expect(throws: IntegrityError.self) {
        try codec.unseal(sealed, id: ChunkID(words: (1, 2, 3, 4)), workspace: workspace)
      }
    }
  }

  @Test(arguments: KeyType.creatable)
  func `truncated objects throw`(type: KeyType) throws {
    let codec = ObjectCodec(
      key: try Key.generate(type: type, repositoryID: .manifest), nonces: counter(from: 0))
    let sealed = try Inputs.named("hello").withUnsafeBytes { try codec.seal($0, with: .lz4, workspace: workspace) }
    let id = Inputs.named("hello").withUnsafeBytes { codec.key.id(of: $0) }
    for count in 0..<sealed.count {
      #expect(throws: IntegrityError.self, "\(count)") {
        try codec.unseal(Array(sealed.prefix(count)), id: id, workspace: workspace)
      }
    }
  }

  @Test func `objects above Borg's limit are refused`() throws {
    let codec = ObjectCodec(key: try Key.ofVectors("none"), nonces: nil)
    let data = [UInt8](repeating: 1, count: ObjectCodec.maximumObjectSize - 2)
    #expect(throws: IntegrityError("More than allowed put data [20971480 > 20971479]")) {
      try data.withUnsafeBytes { try codec.seal($0, with: .none, workspace: workspace) }
    }
    #expect(throws: Never.self) {
      try data.dropLast().withUnsafeBytes { try codec.seal($0, with: .none, workspace: workspace) }
    }
  }

  @Test func `without a key nothing is checked in authenticated modes`() throws {
    let codec = ObjectCodec(key: try Key(type: .authenticated, secrets: nil, tamRequired: false), nonces: nil)
    let id = ChunkID(words: (1, 2, 3, 4))
    #expect(try codec.unseal([7, 0, 0, 65], id: id, workspace: workspace) == [65])
    #expect(throws: IntegrityError("Chunk \(id.hex): Invalid envelope")) {
      try codec.unseal([3, 0, 0, 65], id: id, workspace: workspace)
    }
  }

  @Test func `a workspace may serve several keys`() throws {
    let codecs = try (0..<3).map { _ in
      ObjectCodec(key: try Key.generate(type: .repokey, repositoryID: .manifest), nonces: counter(from: 5))
    }
    let data = Inputs.named("ctr300")
    let sealed = try codecs.map { codec in
      try data.withUnsafeBytes { try codec.seal($0, with: .none, workspace: workspace) }
    }
    for (codec, object) in zip(codecs, sealed) {
      #expect(try codec.unseal(object, id: nil, workspace: workspace) == data)
    }
    #expect(Set(sealed).count == 3)
  }

  private func counter(from start: UInt64) -> NonceSource {
    NonceSource { blocks, held in
      let base = held ?? start
      return base..<base + blocks
    }
  }

  /// The nonce of an encrypted envelope; anything for one that is too short to be encrypted.
  private func nonce(in envelope: [UInt8]) -> UInt64 {
    envelope.count < 41 ? 0 : envelope[33..<41].reduce(0) { $0 << 8 | UInt64($1) }
  }
}
