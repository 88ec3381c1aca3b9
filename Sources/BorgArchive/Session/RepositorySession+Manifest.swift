import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Reading and writing the manifest (archives.md section 2).
extension RepositorySession {
  static func manifestObject(of repository: any Repository) throws -> [UInt8] {
    do {
      return try repository.get(.manifest)
    } catch RepositoryError.objectNotFound {
      throw ArchiveError.noManifest
    }
  }

  /// Decodes and authenticates the manifest's plaintext. Throws `ArchiveError` for TAM problems and manifests from
  /// the future, `FormatError` for bytes that are no manifest.
  /// Nil `requiresTAM`: the key decides whether there must be a TAM.
  static func openManifest(
    _ plaintext: [UInt8], key: Key, requiresTAM: Bool? = nil
  ) throws -> (data: ManifestData, isAuthenticated: Bool) {
    if plaintext.starts(with: [0xc1, 0xc1, 0xc1, 0xc1]) { throw ArchiveError.unsupportedManifest }
    let isAuthenticated = try TAM.verify(plaintext, key: key, .manifest, required: requiresTAM ?? key.tamRequired)
    return (try ManifestData(decoding: plaintext), isAuthenticated)
  }

  /// The manifest as the repository has it now, checked as at opening; the session keeps the one it has. Throws
  /// `ArchiveError.repositoryReplay` when it is older than `timestamp`, nil: than the session's.
  public func latestManifest(notBefore timestamp: [UInt8]? = nil) throws -> Manifest {
    let object = try RepositorySession.manifestObject(of: repository)
    let plaintext = try codec.unseal(object, id: nil, workspace: CodecWorkspace())
    let data = try RepositorySession.openManifest(plaintext, key: key).data
    try RepositorySession.checkFeatures([.read], of: data)
    if let known = timestamp ?? manifest.timestamp, (data.timestamp ?? []).lexicographicallyPrecedes(known) {
      throw ArchiveError.repositoryReplay
    }
    return Manifest(data: data)
  }

  /// Seals and stores the manifest under a new timestamp (not committed).
  public func writeManifest() throws {
    try writeManifest(tamRequired: key.tamRequired ? true : nil)
  }

  /// The same, saying in the manifest whether its TAM is required; nil: as it says already.
  func writeManifest(tamRequired: Bool?) throws {
    try requireKey()
    var data = manifest.data
    if let tamRequired { data.setConfig("tam_required", .bool(tamRequired)) }
    data.timestamp = nextTimestamp(after: data.timestamp)
    try RepositorySession.checkLimits(data)
    let packed = TAM.seal(key: key, .manifest) { data.encoded(tam: $0) }
    let object = try packed.withUnsafeBytes { try codec.seal($0, with: .lz4, workspace: CodecWorkspace()) }
    try repository.put(.manifest, object)
    manifest.data = data
    manifestID = packed.withUnsafeBytes { key.id(of: $0) }
  }

  /// The workaround `authenticated_no_key` is for reading only.
  func requireKey() throws {
    guard !TAM.isUnchecked(key) else {
      throw ArchiveError.plain("Without its key this repository can only be read.")
    }
  }

  /// Clocks are not always right: later than the previous one by a microsecond at least.
  private func nextTimestamp(after previous: [UInt8]?) -> [UInt8] {
    let now = Array(Timestamp.utcText(nanoseconds: context.clock.now()).utf8)
    guard let previous, let time = Timestamp.parseUTC(String(decoding: previous, as: UTF8.self)) else { return now }
    let (later, overflow) = time.addingReportingOverflow(1000)
    guard !overflow else { return previous }
    let next = Array(Timestamp.utcText(nanoseconds: later).utf8)
    return next.lexicographicallyPrecedes(now) ? now : next
  }

  private static func checkLimits(_ data: ManifestData) throws {
    guard data.archives.count <= 400_000 else {
      throw ArchiveError.plain("A repository can have at most 400000 archives.")
    }
    guard
      data.archives.allSatisfy({
        $0.name.count <= 255 || String(decoding: $0.name, as: UTF8.self).unicodeScalars.count <= 255
      })
    else { throw ArchiveError.plain("An archive name can have at most 255 characters.") }
    guard data.itemKeys.count <= 100 else {
      throw ArchiveError.plain("A manifest can list at most 100 item keys.")
    }
  }

  /// Brings the marker in step with what an authenticated manifest says (archives.md section 3).
  func updateTAMMarker() throws {
    try security.setTAMRequiredMarker(manifest.data.configValue("tam_required") == .bool(true))
  }

  /// Throws `ArchiveError.mandatoryFeatureUnsupported`: 1.4 knows no features, so any that is asked for is too new.
  public func checkFeatures(_ operations: [ManifestOperation]) throws {
    try RepositorySession.checkFeatures(operations, of: manifest.data)
  }

  private static func checkFeatures(_ operations: [ManifestOperation], of data: ManifestData) throws {
    let features = data.mandatoryFeatures
    for operation in operations {
      guard let names = features[operation.rawValue], !names.isEmpty else { continue }
      throw ArchiveError.mandatoryFeatureUnsupported(names)
    }
  }

  /// The mandatory features of every operation that the manifest names.
  public var mandatoryFeatures: [String: [String]] { manifest.data.mandatoryFeatures }
}

extension ManifestData {
  fileprivate var mandatoryFeatures: [String: [String]] {
    guard case .map(let flags) = configValue("feature_flags") else { return [:] }
    var features: [String: [String]] = [:]
    for flag in flags {
      guard case .raw(let operation) = flag.key, case .map(let requirements) = flag.value else { continue }
      let mandatory = requirements.first { $0.key == .raw(Array("mandatory".utf8)) }
      guard case .array(let names) = mandatory?.value else { continue }
      features[String(decoding: operation, as: UTF8.self)] = names.compactMap { name in
        guard case .raw(let text) = name else { return nil }
        return String(decoding: text, as: UTF8.self)
      }
    }
    return features
  }

  func configValue(_ name: String) -> MessagePackValue? {
    config.last { $0.key.elementsEqual(name.utf8) }?.value
  }

  mutating func setConfig(_ name: String, _ value: MessagePackValue) {
    config.removeAll { $0.key.elementsEqual(name.utf8) }
    config.append((key: Array(name.utf8), value: value))
    config.sort { $0.key.lexicographicallyPrecedes($1.key) }
  }
}
