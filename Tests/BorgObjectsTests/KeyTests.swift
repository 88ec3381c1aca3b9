import BorgFormat
import BorgTesting
import Testing

@testable import BorgObjects

@Suite struct KeyTests {
  @Test func `Borg's blobs open with their passphrase and no other`() throws {
    for vector in try Fixtures.vectors("keys").values("blobs") {
      let blob = try KeyBlob(decoding: vector.get("outer_msgpack").hex)
      let type = try #require(KeyType(modeName: vector.get("mode").text))
      let passphrase = Array(vector.get("passphrase").text.utf8)
      let key = try #require(try Key.open(blob, passphrase: passphrase, type: type, tamRequiredDefault: false))
      let inner = vector.get("inner")
      let secrets = try #require(key.secrets)
      #expect(Int(key.chunkSeed) == inner.get("chunk_seed").int)
      #expect(secrets.encryptionKey == inner.get("enc_key").hex)
      #expect(secrets.envelopeMACKey == inner.get("enc_hmac_key").hex)
      #expect(secrets.idKey == inner.get("id_key").hex)
      #expect(secrets.repositoryID == inner.get("repository_id").hex)
      #expect(key.tamRequired && key.passphraseWasEmpty == passphrase.isEmpty)
      #expect(key.isLogicallyEncrypted == (type.encrypts && !(passphrase.isEmpty && type == .repokey)))
      #expect(type.displayName == vector.get("key_name").text)
      #expect(try Key.open(blob, passphrase: passphrase + [32], type: type, tamRequiredDefault: false) == nil)
    }
  }

  @Test func `a derived key is Borg's`() throws {
    let vector = try #require(Fixtures.vectors("keys").values("blobs").first)
    let derived = KeyDerivation(passphrase: Array(vector.get("passphrase").text.utf8)).key(
      salt: vector.get("outer").get("salt").hex, iterations: vector.get("outer").get("iterations").int, count: 32)
    #expect(derived == vector.get("kek").hex)
  }

  @Test func `a blob without tam_required takes the default`() throws {
    let vector = try Fixtures.vectors("keys").get("legacy_blob_single_line_other_field_order_no_tam_required")
    let bytes = try #require(Base64.decode(Array(vector.get("blob_text").text.utf8)))
    for standard in [false, true] {
      let key = try #require(
        try Key.open(
          KeyBlob(decoding: bytes), passphrase: Array(vector.get("passphrase").text.utf8), type: .repokey,
          tamRequiredDefault: standard))
      #expect(key.tamRequired == standard)
      #expect(Int(key.chunkSeed) == vector.get("chunk_seed").int)
    }
  }

  @Test(arguments: KeyType.creatable.filter { $0 != .plaintext })
  func `a sealed key opens again`(type: KeyType) throws {
    let key = try Key.generate(type: type, repositoryID: ChunkID(words: (1, 2, 3, 4)))
    let blob = try #require(key.sealed(passphrase: Array("geheim".utf8)))
    #expect(blob.iterations == 100_000 && blob.salt.count == 32)
    let again = try #require(
      try Key.open(blob, passphrase: Array("geheim".utf8), type: type, tamRequiredDefault: false))
    #expect(again.secrets == key.secrets)
    #expect(again.tamRequired)
    let secrets = try #require(key.secrets)
    #expect(secrets.idKey.count == type.macKeySize && secrets.envelopeMACKey.count == type.macKeySize)
    if type.idHash == .blake2b {
      #expect(secrets.idKey.suffix(64).allSatisfy { $0 == 0 } && !secrets.idKey.prefix(64).allSatisfy { $0 == 0 })
    }
  }

  @Test func `no key is made from secrets of the wrong size`() throws {
    var secrets = try #require(Key.generate(type: .repokey, repositoryID: .manifest).secrets)
    #expect(throws: KeyError.invalidData) { try Key(type: .blake2Repokey, secrets: secrets, tamRequired: true) }
    #expect(throws: KeyError.invalidData) { try Key(type: .repokey, secrets: nil, tamRequired: true) }
    secrets.encryptionKey.removeLast()
    #expect(throws: KeyError.invalidData) { try Key(type: .repokey, secrets: secrets, tamRequired: true) }
  }

  @Test func `iteration counts that make no sense are refused`() {
    for iterations in [Int64.min, 0, 10_000_001, Int64(Int32.max), 1 << 40] {
      let blob = KeyBlob(iterations: iterations, salt: [1], hash: [2], data: [3])
      #expect(throws: KeyError.invalidData) {
        try Key.open(blob, passphrase: [], type: .repokey, tamRequiredDefault: false)
      }
    }
  }

  @Test func `mode none has no secrets and no blob`() throws {
    let key = try Key.generate(type: .plaintext, repositoryID: .manifest)
    #expect(key.secrets == nil && key.sealed(passphrase: []) == nil)
    #expect(key.chunkSeed == 0 && !key.tamRequired && !key.isLogicallyEncrypted && key.checksAuthenticity)
  }

  @Test func `the legacy passphrase mode derives Borg's secrets`() throws {
    let vector = try Fixtures.vectors("keys").get("passphrase_mode")
    let secrets = Key.legacyPassphrase(
      Array(vector.get("passphrase").text.utf8),
      repositoryID: try #require(ChunkID(vector.get("salt_is_repository_id").hex)))
    #expect(secrets.encryptionKey == vector.get("enc_key").hex)
    #expect(secrets.envelopeMACKey == vector.get("enc_hmac_key").hex)
    #expect(secrets.idKey == vector.get("id_key").hex)
    #expect(Int(secrets.chunkSeed) == vector.get("chunk_seed").int)
  }

  @Test func `TAM keys are Borg's`() throws {
    let vectors = try Fixtures.vectors("tam")
    let salt = vectors.get("salt").hex
    for vector in vectors.values("modes") {
      let key = try Key.ofVectors(vector.get("mode").text)
      #expect(key.tamKey(salt: salt, context: "manifest") == vector.get("manifest_tam_key").hex)
      #expect(key.tamKey(salt: salt, context: "archive") == vector.get("archive_tam_key").hex)
      let manifest = vector.get("manifest").hex
      #expect(manifest.withUnsafeBytes { key.id(of: $0) }.hex == vector.get("manifest_id").text)
    }
  }

  @Test func `only migrated repokey repositories read objects of passphrase mode`() {
    for type in KeyType.allCases {
      let accepted = (0...UInt8.max).filter { type.accepts($0) }
      let more: [UInt8] = type == .repokey || type == .blake2Repokey ? [1] : []
      #expect(accepted == (more + [type.rawValue]).sorted())
    }
    #expect(KeyType(modeName: "passphrase") == nil)
  }
}
