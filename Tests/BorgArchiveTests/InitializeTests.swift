import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgArchive

@Suite struct InitializeTests {
  private let home: TemporaryDirectory
  private let repository: MemoryRepository

  init() throws {
    home = try TemporaryDirectory()
    let location = try Location(parsing: Array("./some dir/repo".utf8), defaultRepository: nil).required("location")
    repository = MemoryRepository(id: ChunkID(words: (1, 2, 3, 4)), location: location)
  }

  private func context(
    _ variables: [String: String] = ["BORG_PASSPHRASE": "p"], _ monitor: RecordingMonitor = RecordingMonitor()
  ) -> SessionContext {
    let environment = Environment(variables: variables.merging(["BORG_BASE_DIR": home.path]) { $1 })
    return SessionContext(environment: environment, monitor: monitor)
  }

  @Test(arguments: VectorRepository.modes)
  func `a new repository opens again without questions`(mode: String) throws {
    let monitor = RecordingMonitor()
    let context = context(["BORG_PASSPHRASE": "p"], monitor)
    let type = try KeyType(modeName: mode).required("mode")
    let made = try RepositorySession.initialize(
      repository: repository, type: type, secretsFrom: nil, context: context)
    #expect(repository.commitCount == 1)
    #expect(made.security.isKnown)
    #expect(made.security.tamRequiredMarker == (mode != "none"))
    let session = try RepositorySession(repository: repository, operations: [.read, .write], context: context)
    #expect(session.key.type == type)
    #expect(session.key.tamRequired == (mode != "none"))
    #expect(session.manifest.archives.isEmpty)
    #expect(session.manifestID == made.manifestID)
    #expect(session.key.secrets?.idKey == made.key.secrets?.idKey)
    #expect(session.keyTarget == made.keyTarget)
    #expect(monitor.questions.isEmpty)
    guard mode.hasPrefix("keyfile") else { return }
    #expect(made.keyTarget == "\(context.environment.keysDirectory)/some_dir_repo")
    let text = try Files.read(Array((made.keyTarget ?? "").utf8))
    #expect(text.starts(with: Array("BORG_KEY \(repository.id.hex)\n".utf8)))
    #expect(text.last == 0x0a)
    #expect(text.split(separator: 0x0a).dropFirst().dropLast().allSatisfy { $0.count == 70 })
  }

  @Test func `a user who cancels leaves no repository behind`() throws {
    var context = context([:])
    context.terminal = PassphraseTerminal(
      readPassphrase: { _ in throw ArchiveError.cancelledByUser }, show: { _ in })
    #expect(throws: ArchiveError.cancelledByUser) {
      try RepositorySession.initialize(repository: repository, type: .repokey, secretsFrom: nil, context: context)
    }
    #expect(repository.isDestroyed)
  }

  @Test func `a key file that exists is not overwritten`() throws {
    let path = "\(home.path)/key"
    try Files.replace(Array(path.utf8), with: [1])
    #expect(throws: ArchiveError.plain("Aborting because key in \"\(path)\" already exists.")) {
      try RepositorySession.initialize(
        repository: repository, type: .keyfile, secretsFrom: nil,
        context: context(["BORG_PASSPHRASE": "p", "BORG_KEY_FILE": path]))
    }
    #expect(try Files.read(Array(path.utf8)) == [1])
  }

  @Test func `another repository's ids can be taken over within one kind of hash`() throws {
    let text = Array(try Fixtures.vectors("keys")["related_secrets_file"].text.utf8)
    let related = try RelatedSecrets(parsing: text, path: "f")
    let session = try RepositorySession.initialize(
      repository: repository, type: .authenticated, secretsFrom: related, context: context())
    #expect(session.key.secrets?.idKey == related.idKey)
    #expect(session.key.chunkSeed == -1_985_229_329)
    #expect(
      throws: ArchiveError.plain(
        "You must keep the same ID hash (HMAC-SHA256 or BLAKE2b) or deduplication will break.")
    ) {
      try RepositorySession.initialize(
        repository: repository, type: .blake2Repokey, secretsFrom: related, context: context())
    }
  }

  @Test(arguments: [
    ("{", "Invalid JSON in related secrets file: f"),
    ("{\"version\": 2}", "Unsupported related secrets version: 2"),
    ("{\"version\": 1, \"id_key\": \"xy\"}", "Invalid id_key in related secrets file: f"),
  ])
  func `bad related secrets are told in Borg's words`(text: String, message: String) {
    #expect(throws: ArchiveError.command(message)) { try RelatedSecrets(parsing: Array(text.utf8), path: "f") }
  }

  @Test func `a passphrase mode repository's key is derived from the passphrase`() throws {
    let vector = try Fixtures.vectors("keys")["passphrase_mode"].required("vector")
    let id = try ChunkID(hex: vector["salt_is_repository_id"].text).required("id")
    let old = MemoryRepository(id: id, location: repository.location)
    let secrets = Key.legacyPassphrase(Array(vector["passphrase"].text.utf8), repositoryID: id)
    let codec = ObjectCodec(
      key: try Key(type: .repokey, secrets: secrets, tamRequired: false),
      nonces: NonceSource { blocks, _ in 0..<blocks })
    var object = try [1, 2, 3].withUnsafeBytes {
      try codec.seal($0, with: .none, workspace: CodecWorkspace())
    }
    object[0] = KeyType.passphrase.rawValue
    let loader = KeyLoader(repository: old, context: context(["BORG_PASSPHRASE": vector["passphrase"].text]))
    let key = try loader.loadLegacyPassphraseKey(manifestObject: object)
    #expect(key.secrets?.idKey == Hex.decode(vector["id_key"].text))
    #expect(throws: ArchiveError.repoKeyNotFound(location: old.location.canonicalPath)) {
      try loader.load(manifestObject: object)
    }
  }
}
