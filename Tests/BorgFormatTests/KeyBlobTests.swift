import BorgFormat
import BorgTesting
import Testing

struct KeyBlobTests {
  @Test func `key blobs come back byte for byte`() throws {
    for vector in try #require(try Fixtures.vectors("keys")["blobs"]?.arrayValue) {
      let text = try #require(vector["blob_text"]?.stringValue)
      let packed = try #require(Base64.decode(Array(text.utf8)))
      #expect(Hex.encode(packed) == vector["outer_msgpack"]?.stringValue)
      #expect(Base64.encode(packed) == text.filter { $0 != "\n" })
      let blob = try KeyBlob(decoding: packed)
      let outer = try #require(vector["outer"])
      #expect(blob.iterations == outer["iterations"]?.intValue)
      #expect(Hex.encode(blob.salt) == outer["salt"]?.stringValue)
      #expect(Hex.encode(blob.hash) == outer["hash"]?.stringValue)
      #expect(Hex.encode(blob.data) == outer["data"]?.stringValue)
      #expect(blob.encoded() == packed)
    }
  }

  @Test func `secrets come back byte for byte`() throws {
    for vector in try #require(try Fixtures.vectors("keys")["blobs"]?.arrayValue) {
      let packed = try #require(Hex.decode(vector["inner_msgpack"]?.stringValue ?? ""))
      let secrets = try KeyBlob.Secrets(decoding: packed)
      let inner = try #require(vector["inner"])
      #expect(Int64(secrets.chunkSeed) == inner["chunk_seed"]?.intValue)
      #expect(Hex.encode(secrets.encryptionKey) == inner["enc_key"]?.stringValue)
      #expect(Hex.encode(secrets.envelopeMACKey) == inner["enc_hmac_key"]?.stringValue)
      #expect(Hex.encode(secrets.idKey) == inner["id_key"]?.stringValue)
      #expect(Hex.encode(secrets.repositoryID) == inner["repository_id"]?.stringValue)
      #expect(secrets.tamRequired == inner["tam_required"]?.boolValue)
      #expect(secrets.encoded() == packed)
    }
  }

  @Test func `the repository config holds the blob as Borg writes it`() throws {
    for vector in try #require(try Fixtures.vectors("keys")["blobs"]?.arrayValue) {
      guard let lines = vector["config_ini_lines"]?.stringValue else { continue }
      let text = "[repository]\n\(lines)\n"
      let config = try ConfigFile(parsing: Array(text.utf8))
      #expect(config["repository", "key"] == vector["blob_text"]?.stringValue)
      #expect(config.encoded() == Array(text.utf8))
    }
  }

  @Test func `a legacy blob in another order is read`() throws {
    let vector = try #require(try Fixtures.vectors("keys")["legacy_blob_single_line_other_field_order_no_tam_required"])
    let text = try #require(vector["blob_text"]?.stringValue)
    let packed = try #require(Base64.decode(Array(text.utf8)))
    #expect(try KeyBlob(decoding: packed).iterations == 100000)
  }

  @Test func `unknown versions and algorithms are named in Borg's words`() throws {
    func message(_ fields: [(String, MessagePackValue)]) -> String? {
      let map = MessagePackValue.map(fields.map { .init(key: .raw(Array($0.0.utf8)), value: $0.1) })
      return #expect(throws: FormatError.self) { try KeyBlob(decoding: map.encoded()) }?.description
    }
    #expect(message([("version", .int(2))]) == "encrypted key version 2 is not supported by this borg version.")
    #expect(
      message([("version", .int(1)), ("algorithm", .raw(Array("argon2".utf8)))])
        == "encrypted key algorithm 'argon2' is not supported by this borg version.")
    #expect(message([]) == "key: version is missing")
  }

  @Test(arguments: [
    ("YQ==", "61"), ("YWI=", "6162"), ("YWJj", "616263"), ("Y W\nJ\tj!", "616263"), ("YQ==YQ==", "61"), ("", ""),
    ("YQ=!=", "61"), ("=YQ==", "61"),
  ])
  func `base64 ignores foreign characters`(text: String, hex: String) {
    #expect(Base64.decode(Array(text.utf8)).map { Hex.encode($0) } == hex)
  }

  @Test(arguments: ["Y", "YQ", "YQ=", "YWI", "YWJjY"])
  func `base64 with digits left over is undecodable`(text: String) {
    #expect(Base64.decode(Array(text.utf8)) == nil)
  }
}
