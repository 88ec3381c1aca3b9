import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct NonceReservationTests {
  private struct Setup {
    let home: TemporaryDirectory
    let repository: MemoryRepository
    let context: SessionContext
    let security: SecurityManager

    init(stored: UInt64?, local: UInt64?) throws {
      home = try TemporaryDirectory()
      let location = try Location(parsing: Array("/srv/r".utf8), defaultRepository: nil).required("location")
      repository = MemoryRepository(id: ChunkID(words: (1, 2, 3, 4)), location: location, nonce: stored)
      context = SessionContext(
        environment: Environment(variables: ["BORG_BASE_DIR": home.path]), monitor: RecordingMonitor())
      security = SecurityManager(repositoryID: repository.id, environment: context.environment)
      if let local { try security.write("nonce", Setup.text(local)) }
    }

    static func text(_ nonce: UInt64) -> String {
      let digits = String(nonce, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }

    func source(manifest: [UInt8]?) -> NonceSource {
      let reservation = NonceReservation(
        repository: repository, type: .repokey, manifestObject: manifest, context: context)
      return NonceSource(reserve: reservation.reserve)
    }

    var local: String? { security.read("nonce", monitor: context.monitor) }
  }

  private static func envelope(nonce: UInt64, length: Int) -> [UInt8] {
    var envelope = [UInt8](repeating: 0, count: length)
    envelope[0] = KeyType.repokey.rawValue
    for index in 0..<8 { envelope[33 + index] = UInt8(truncatingIfNeeded: nonce >> (56 - 8 * index)) }
    return envelope
  }

  @Test func `counter values and files are Borg's`() throws {
    let cases = try Fixtures.vectors("caches")["nonce_reservation"].array
    #expect(cases.count == 7)
    for vector in cases {
      let setup = try Setup(
        stored: vector["repo_nonce"]?.integer.map { UInt64($0) },
        local: vector["local_nonce"]?.integer.map { UInt64($0) })
      var manifest: [UInt8]?
      if let nonce = vector["manifest_iv"]?.integer, let length = vector["manifest_envelope_len"]?.integer {
        manifest = Self.envelope(nonce: UInt64(nonce), length: Int(length))
        try setup.repository.put(.manifest, manifest ?? [])
      }
      let source = setup.source(manifest: manifest)
      // A payload is the plaintext with its two bytes of compression header.
      let sizes = vector["plaintext_sizes_compression_none"].array.compactMap(\.integer)
      let nonces = try sizes.map { try source.take(UInt64(($0 + 2 + 15) / 16)) }
      #expect(nonces == vector["ivs"].array.compactMap(\.integer).map { UInt64($0) }, "\(vector["case"].text)")
      #expect(setup.local == vector["local_file_after"].text)
      #expect(try setup.repository.freeNonce() == vector["repo_nonce_after"]?.integer.map { UInt64($0) })
    }
  }

  @Test func `with both records gone every object's nonce counts`() throws {
    let setup = try Setup(stored: nil, local: nil)
    let manifest = Self.envelope(nonce: 5, length: 100)
    try setup.repository.put(.manifest, manifest)
    try setup.repository.put(ChunkID(words: (9, 9, 9, 9)), Self.envelope(nonce: 1_000_000, length: 161))
    #expect(try setup.source(manifest: manifest).take(1) == 1_000_011)
  }

  @Test func `a reservation that someone else changed is refused`() throws {
    let setup = try Setup(stored: 7, local: nil)
    try setup.security.write("nonce", "xyz")
    #expect(throws: ArchiveError.self) { try setup.source(manifest: nil).take(1) }
    try setup.security.write("nonce", "00")
    #expect(throws: ArchiveError.self) { try setup.source(manifest: nil).take(1) }
    #expect(try setup.repository.freeNonce() == 7)
  }

  @Test func `the end of the nonce space is an error`() throws {
    let setup = try Setup(stored: .max - 10, local: nil)
    #expect(throws: ArchiveError.self) { try setup.source(manifest: nil).take(1) }
    let other = try Setup(stored: nil, local: 5)
    #expect(throws: ArchiveError.self) {
      try other.source(manifest: Self.envelope(nonce: .max, length: 100)).take(1)
    }
  }
}
