import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTesting
import Testing

/// One of the small repositories of `objects.json`, which real Borg wrote, in memory, with its passphrase in the
/// environment, its key file in a folder of its own and nothing on record yet.
struct VectorRepository: Sendable, CustomTestStringConvertible {
  let mode: String
  let passphrase: String
  let repository: MemoryRepository
  let home: TemporaryDirectory
  let security: [(name: String, text: String)]
  var environment: Environment

  var testDescription: String { mode }

  static let modes = [
    "none", "authenticated", "authenticated-blake2", "repokey", "keyfile", "repokey-blake2", "keyfile-blake2",
  ]

  init(_ mode: String) throws {
    let all = try Fixtures.vectors("objects")["repositories"].array
    let vector = try all.first { $0["mode"].text == mode }.required("no such mode")
    self.mode = mode
    home = try TemporaryDirectory()
    passphrase = vector["passphrase"].text
    var objects: [ChunkID: [UInt8]] = [:]
    for (id, object) in vector["objects"].object {
      objects[try ChunkID(hex: id).required("bad id")] = try Hex.decode(object.text).required("bad hex")
    }
    let location = try Location(parsing: Array("/srv/\(mode)".utf8), defaultRepository: nil).required("bad location")
    repository = MemoryRepository(
      id: try ChunkID(hex: vector["repository_id"].text).required("bad id"), location: location, objects: objects,
      key: Array((vector["config_key_value"]?.text ?? "").utf8),
      nonce: (vector["repo_nonce_file"]?.text).flatMap { UInt64($0, radix: 16) })
    security = vector["security_dir"].object.map { ($0.key, $0.value.text) }
    environment = Environment(variables: [
      "BORG_BASE_DIR": home.path, "BORG_PASSPHRASE": passphrase, "PATH": "/usr/bin:/bin",
    ])
    if let text = vector["key_file_text"]?.text {
      let name = vector["key_file_name"].text
      try Files.makeDirectories(Array("\(environment.keysDirectory)/a folder".utf8))
      try Files.replace(Array("\(environment.keysDirectory)/0".utf8), with: Array("no key".utf8))
      let large = [UInt8](repeating: 0x41, count: 1 << 21)
      try Files.replace(Array("\(environment.keysDirectory)/1".utf8), with: large)
      try Files.replace(Array("\(environment.keysDirectory)/\(name)".utf8), with: Array(text.utf8))
    }
  }

  var securityDirectory: String { "\(environment.securityDirectory)/\(repository.id.hex)" }

  /// Lets this user have seen the repository before.
  func remember(_ changes: [String: String] = [:]) throws {
    try Files.makeDirectories(Array(securityDirectory.utf8))
    for (name, text) in security {
      try Files.replace(Array("\(securityDirectory)/\(name)".utf8), with: Array((changes[name] ?? text).utf8))
    }
  }

  func recorded(_ name: String) -> String? {
    (try? Files.read(Array("\(securityDirectory)/\(name)".utf8))).map { String(decoding: $0, as: UTF8.self) }
  }

  func open(
    _ monitor: RecordingMonitor = RecordingMonitor(answers: [true]), assertsSecure: Bool = true,
    operations: [ManifestOperation] = [.read]
  ) throws -> RepositorySession {
    try RepositorySession(
      repository: repository, operations: operations, assertsSecure: assertsSecure,
      context: SessionContext(environment: environment, monitor: monitor))
  }
}

struct MissingVector: Error { var what: String }

extension Optional {
  func required(_ what: String) throws -> Wrapped {
    guard let self else { throw MissingVector(what: what) }
    return self
  }
}

/// Vectors as tests read them: what is missing is empty, and fails the expectation that uses it.
extension JSONValue {
  var text: String { if case .string(let text) = self { text } else { "" } }
  var integer: Int64? { if case .int(let value) = self { value } else { nil } }
  var array: [JSONValue] { if case .array(let values) = self { values } else { [] } }
  var object: [(key: String, value: JSONValue)] { if case .object(let entries) = self { entries } else { [] } }
}

extension Optional where Wrapped == JSONValue {
  var text: String { self?.text ?? "" }
  var array: [JSONValue] { self?.array ?? [] }
  var object: [(key: String, value: JSONValue)] { self?.object ?? [] }
}
