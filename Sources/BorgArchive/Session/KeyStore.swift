import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import Glibc

/// Where key blobs are kept (keys.md section 6): the repository's config, or a key file of this user.
struct KeyStore {
  let repository: any Repository
  let environment: Environment

  /// A key blob as text, and what messages call its place.
  struct Found {
    /// Base64, white space included.
    var text: [UInt8]
    /// The key file's path, or the repository's location.
    var target: String
    /// The key file's path; nil when the blob is in the repository.
    var path: String?
  }

  private var location: String { repository.location.canonicalPath }
  private var magic: [UInt8] { Array("BORG_KEY ".utf8) }
  private var idText: [UInt8] { Array(repository.id.hex.utf8) }

  /// The blob of a key of this kind. Throws `ArchiveError.repoKeyNotFound`, `.keyfileNotFound`, `.keyfileInvalid` or
  /// `.keyfileMismatch`.
  func find(_ storage: KeyType.Storage) throws -> Found? {
    switch storage {
    case .none: return nil
    case .repository:
      let text = try repository.loadKey()
      guard !text.isEmpty else { throw ArchiveError.repoKeyNotFound(location: location) }
      return Found(text: text, target: location, path: nil)
    case .keyfile: return try findKeyFile()
    }
  }

  /// Decodes a found blob. Throws `ArchiveError.keyfileInvalid` for what is no base64 or far too short.
  func blob(_ found: Found) throws -> KeyBlob {
    guard let bytes = Base64.decode(found.text), bytes.count >= KeyStore.minimumBlobLength else {
      throw ArchiveError.keyfileInvalid(location: location, path: "(repokey)")
    }
    return try KeyBlob(decoding: bytes)
  }

  /// Saves a new key's blob: into the config, or into a new key file, which must not exist yet. Returns the key
  /// file's path.
  func saveNew(_ blob: KeyBlob, _ storage: KeyType.Storage) throws -> String? {
    switch storage {
    case .none: return nil
    case .repository:
      try repository.saveKey(KeyStore.wrapped(blob))
      return nil
    case .keyfile:
      let path = try newKeyFilePath()
      guard !Files.exists(Array(path.utf8)) else {
        throw ArchiveError.plain("Aborting because key in \"\(path)\" already exists.")
      }
      try Files.replace(Array(path.utf8), with: keyFile(KeyStore.wrapped(blob)))
      return path
    }
  }

  /// Replaces the blob of a key that `found` tells the place of.
  func replace(_ found: Found, with blob: KeyBlob) throws {
    try write(KeyStore.wrapped(blob), keyFile: found.path)
  }

  /// Saves a blob's text for a key of this kind, over the one that is there: into the config, or into the key file of
  /// BORG_KEY_FILE, else this repository's, else a new one.
  func save(text: [UInt8], _ storage: KeyType.Storage) throws {
    switch storage {
    case .none: throw ArchiveError.unencryptedRepo
    case .repository: try write(text, keyFile: nil)
    case .keyfile:
      let path = try pathFromEnvironment() ?? existingKeyFile() ?? newKeyFilePath()
      try write(text, keyFile: path)
    }
  }

  private func existingKeyFile() throws -> String? {
    do { return try findKeyFile().path } catch ArchiveError.keyfileNotFound { return nil }
  }

  private func write(_ text: [UInt8], keyFile path: String?) throws {
    guard let path else { return try repository.saveKey(text) }
    try Files.replace(Array(path.utf8), with: keyFile(text))
  }

  /// A key file's whole text around a blob's.
  func keyFile(_ text: [UInt8]) -> [UInt8] {
    magic + idText + [0x0a] + text + (text.last == 0x0a ? [] : [0x0a])
  }

  /// Base64 in lines of 70 characters, without a final newline.
  static func wrapped(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for (index, character) in Base64.encode(bytes).utf8.enumerated() {
      if index > 0, index.isMultiple(of: 70) { text.append(0x0a) }
      text.append(character)
    }
    return text
  }

  private static func wrapped(_ blob: KeyBlob) -> [UInt8] { wrapped(blob.encoded()) }

  static let minimumBlobLength = 20
  /// Far above any key file; what is longer is none.
  private static let maximumFileLength = 1 << 20
}

/// Key files (keys.md 6.2).
extension KeyStore {
  private func findKeyFile() throws -> Found {
    if let path = try pathFromEnvironment() {
      return Found(text: try blobText(ofKeyFile: path), target: path, path: path)
    }
    let directory = environment.keysDirectory
    try environment.ensureDirectory(directory)
    for name in try Files.names(in: Array(directory.utf8)) {
      let path = "\(directory)/\(String(decoding: name, as: UTF8.self))"
      guard isRegularFile(path) else { continue }
      do {
        return Found(text: try blobText(ofKeyFile: path), target: path, path: path)
      } catch ArchiveError.keyfileInvalid, ArchiveError.keyfileMismatch {
        continue
      } catch let error as SystemError where error.code == EFBIG {
        continue
      }
    }
    throw ArchiveError.keyfileNotFound(location: location, directory: directory)
  }

  /// Everything after the first line of a key file of this repository.
  private func blobText(ofKeyFile path: String) throws -> [UInt8] {
    let invalid = ArchiveError.keyfileInvalid(location: location, path: path)
    let file = try Files.read(Array(path.utf8), limit: KeyStore.maximumFileLength)
    guard file.starts(with: magic) else { throw invalid }
    guard file.dropFirst(magic.count).starts(with: idText) else {
      throw ArchiveError.keyfileMismatch(location: location, path: path)
    }
    let rest = file.dropFirst(magic.count + idText.count)
    guard let end = rest.firstIndex(of: 0x0a), rest[..<end].allSatisfy({ $0 == 0x20 || $0 == 0x0d || $0 == 0x09 })
    else {
      throw invalid
    }
    let text = Array(rest[(end + 1)...])
    guard let bytes = Base64.decode(text), bytes.count >= KeyStore.minimumBlobLength else { throw invalid }
    return text
  }

  private func pathFromEnvironment() throws -> String? {
    guard let path = environment.nonEmpty("BORG_KEY_FILE") else { return nil }
    return String(decoding: try Files.absolute(Array(path.utf8)), as: UTF8.self)
  }

  private func newKeyFilePath() throws -> String {
    if let path = try pathFromEnvironment() { return path }
    let directory = environment.keysDirectory
    try environment.ensureDirectory(directory)
    let first = "\(directory)/\(repository.location.keyFileName)"
    var path = first
    var number = 2
    while Files.exists(Array(path.utf8)) {
      path = "\(first).\(number)"
      number += 1
    }
    return path
  }

  private func isRegularFile(_ path: String) -> Bool {
    guard let status = try? Files.status(Array(path.utf8)) else { return false }
    return status.st_mode & S_IFMT == S_IFREG
  }
}
