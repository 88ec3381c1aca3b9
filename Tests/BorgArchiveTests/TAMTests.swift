import BorgFormat
import BorgObjects
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct TAMTests {
  private func key(_ mode: String, tamRequired: Bool) throws -> Key {
    let type = try KeyType(modeName: mode).required("mode")
    let vector = try Fixtures.vectors("envelopes")["keys"].required("keys")[mode].required("mode")
    guard mode != "none" else { return try Key(type: type, secrets: nil, tamRequired: false) }
    func bytes(_ name: String) throws -> [UInt8] { try Hex.decode(vector[name].text).required(name) }
    let secrets = KeyBlob.Secrets(
      repositoryID: Array(repeating: 0, count: 32), encryptionKey: try bytes("enc_key"),
      envelopeMACKey: try bytes("enc_hmac_key"), idKey: try bytes("id_key"), chunkSeed: 0, tamRequired: tamRequired)
    return try Key(type: type, secrets: secrets, tamRequired: tamRequired)
  }

  private func verify(_ packed: [UInt8], _ key: Key, _ context: TAM.Context, required: Bool) throws -> String {
    if packed.starts(with: [0xc1]) {
      return try RepositorySession.openManifest(packed, key: key).isAuthenticated ? "verified" : ""
    }
    return try TAM.verify(packed, key: key, context, required: required) ? "verified" : "accepted, not verified"
  }

  @Test func `Borg's TAMs verify in every mode and ours are the same bytes`() throws {
    let vectors = try Fixtures.vectors("tam")
    let salt = try Hex.decode(vectors["salt"].text).required("salt")
    for vector in vectors["modes"].array {
      let mode = vector["mode"].text
      let key = try key(mode, tamRequired: mode != "none")
      let manifest = try Hex.decode(vector["manifest"].text).required("manifest")
      let archive = try Hex.decode(vector["archive"].text).required("archive")
      #expect(try verify(manifest, key, .manifest, required: true) == "verified")
      #expect(try verify(archive, key, .archive, required: true) == "verified")
      let data = try ManifestData(decoding: manifest)
      #expect(TAM.seal(key: key, .manifest, salt: salt) { data.encoded(tam: $0) } == manifest, "\(mode)")
      let metadata = try ArchiveMetadata(decoding: archive)
      #expect(TAM.seal(key: key, .archive, salt: salt) { metadata.encoded(tam: $0) } == archive, "\(mode)")
    }
  }

  @Test func `every outcome is Borg's`() throws {
    let cases = try Fixtures.vectors("tam")["checks_repokey"].array
    #expect(cases.count == 15)
    for vector in cases {
      let isRequired = vector["tam_required"] == .bool(true)
      let required = isRequired && vector["force_not_required"] != .bool(true)
      let key = try key("repokey", tamRequired: isRequired)
      let packed = try Hex.decode(vector["packed"].text).required("packed")
      let context: TAM.Context = vector["kind"].text == "manifest" ? .manifest : .archive
      let result: String
      do {
        result = try verify(packed, key, context, required: required)
      } catch ArchiveError.manifestTAMRequired {
        result = "TAMRequiredError"
      } catch ArchiveError.archiveTAMRequired {
        result = "ArchiveTAMRequiredError"
      } catch ArchiveError.manifestTAMInvalid {
        result = "TAMInvalid"
      } catch ArchiveError.archiveTAMInvalid {
        result = "ArchiveTAMInvalid"
      } catch ArchiveError.unsupportedTAMSuite {
        result = "TAMUnsupportedSuiteError"
      } catch ArchiveError.unsupportedManifest {
        result = "UnsupportedManifestError"
      }
      #expect(result == vector["result"].text, "\(vector["case"].text)")
    }
  }
}
