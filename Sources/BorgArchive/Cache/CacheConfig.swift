import BorgFormat
import BorgObjects

/// The cache's `config` (caches.md 3.1): which manifest the cache stands for, and the digests of its files.
struct CacheConfig: Sendable {
  private var file: ConfigFile
  /// The manifest that the chunk index is in step with; nil: none.
  var manifestID: ChunkID?
  private(set) var timestamp: String?
  private(set) var keyType: String?
  private(set) var previousLocation: String?
  var ignoredFeatures: Set<String>
  var mandatoryFeatures: Set<String>
  /// Digests as JSON by file name; `[integrity]` without its `manifest`.
  private(set) var integrity: [String: String]
  /// An older program changed the cache without renewing the digests, which are ignored then.
  let lacksIntegrity: Bool

  /// The config of a new, empty cache.
  init(repositoryID: ChunkID) {
    file = ConfigFile()
    ignoredFeatures = []
    mandatoryFeatures = []
    integrity = [:]
    lacksIntegrity = false
    file["cache", "version"] = "1"
    file["cache", "repository"] = repositoryID.hex
    file["cache", "manifest"] = ""
    file["integrity", "manifest"] = ""
  }

  /// Throws `FormatError` when the text is no config, `ArchiveError.plain` when it is not of this version.
  init(parsing text: [UInt8], path: String) throws {
    file = try ConfigFile(parsing: text)
    guard file.hasSection("cache") else { throw ArchiveError.plain("\(path) does not look like a Borg cache.") }
    let version = file["cache", "version"] ?? ""
    guard Int(version) == 1 else {
      throw ArchiveError.plain("\(path) has unexpected cache version \(version) (wanted: 1).")
    }
    let manifest = file["cache", "manifest"] ?? ""
    manifestID = ChunkID(hex: manifest)
    guard manifestID != nil || manifest.isEmpty else { throw FormatError("manifest id is not hexadecimal") }
    timestamp = file["cache", "timestamp"]
    keyType = file["cache", "key_type"]
    previousLocation = Self.nonEmpty(file["cache", "previous_location"])
    ignoredFeatures = Self.list(file["cache", "ignored_features"])
    mandatoryFeatures = Self.list(file["cache", "mandatory_features"])
    lacksIntegrity = file.hasSection("integrity") && file["integrity", "manifest"] != manifest
    integrity = lacksIntegrity ? [:] : Self.digests(file)
  }

  private static func digests(_ file: ConfigFile) -> [String: String] {
    var digests: [String: String] = [:]
    for option in file.options(in: "integrity") where option.name != "manifest" { digests[option.name] = option.value }
    return digests
  }

  private static func nonEmpty(_ text: String?) -> String? {
    text?.isEmpty == false ? text : nil
  }

  private static func list(_ text: String?) -> Set<String> {
    let words = (text ?? "").split(separator: ",").map { word in
      String(word.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
    return Set(words.filter { !$0.isEmpty })
  }

  /// Notes the state that is about to be saved.
  mutating func update(manifestID: ChunkID, timestamp: String, keyType: KeyType) {
    self.manifestID = manifestID
    self.timestamp = timestamp
    self.keyType = String(keyType.rawValue)
  }

  /// Notes a file's digests. Names are kept in lower case, as option names are.
  mutating func setIntegrity(_ json: String, of name: String) {
    integrity[name.lowercased()] = json
  }

  /// Forgets manifest, digests and features, as for a cache that was emptied.
  mutating func reset() {
    manifestID = nil
    integrity = [:]
    ignoredFeatures = []
    mandatoryFeatures = []
    for option in file.options(in: "integrity") { file["integrity", option.name] = nil }
  }

  /// The file's bytes, with the repository's present location (nil: none yet).
  func encoded(location: String?) -> [UInt8] {
    var file = file
    let manifest = manifestID?.hex ?? ""
    file["cache", "manifest"] = manifest
    if let location { file["cache", "previous_location"] = location }
    if let timestamp { file["cache", "timestamp"] = timestamp }
    if manifestID != nil || !ignoredFeatures.isEmpty || !mandatoryFeatures.isEmpty {
      file["cache", "ignored_features"] = ignoredFeatures.sorted().joined(separator: ",")
      file["cache", "mandatory_features"] = mandatoryFeatures.sorted().joined(separator: ",")
    }
    if let keyType { file["cache", "key_type"] = keyType }
    for (name, digests) in integrity.sorted(by: { $0.key < $1.key }) { file["integrity", name] = digests }
    file["integrity", "manifest"] = manifest
    return file.encoded()
  }
}
