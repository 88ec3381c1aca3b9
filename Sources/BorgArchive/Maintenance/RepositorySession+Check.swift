import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Sessions of `check`, which must do without a manifest.
extension RepositorySession {
  /// So many objects are tried for one that tells the key's type.
  private static let maximumAttempts = 999

  /// The key is that of the first object whose type byte can be read: the manifest, or else any other.
  static func checking(_ repository: any Repository, context: SessionContext) throws -> RepositorySession {
    let loader = KeyLoader(repository: repository, context: context)
    if let session = try RepositorySession.checking(repository, [.manifest], loader, context: context) {
      return session
    }
    let ids = try repository.list(after: nil, limit: RepositorySession.maximumAttempts)
    if let session = try RepositorySession.checking(repository, ids, loader, context: context) { return session }
    throw IntegrityError("make_key: failed to create the key (tried \(ids.count + 1) chunks)")
  }

  private static func checking(
    _ repository: any Repository, _ ids: [ChunkID], _ loader: KeyLoader, context: SessionContext
  ) throws -> RepositorySession? {
    for id in ids {
      guard let object = try RepositorySession.readableObject(id, repository) else { continue }
      let loaded = try loader.load(manifestObject: object)
      return RepositorySession(
        checking: repository, key: loaded.key, keyFile: loaded.keyFile, sample: object, context: context)
    }
    return nil
  }

  /// Nil: missing, damaged, or of no type.
  private static func readableObject(_ id: ChunkID, _ repository: any Repository) throws -> [UInt8]? {
    do {
      let object = try repository.get(id)
      _ = try KeyLoader.type(ofObject: object)
      return object
    } catch RepositoryError.objectNotFound {
      return nil
    } catch ArchiveError.unsupportedPayload {
      return nil
    } catch is IntegrityError {
      return nil
    }
  }

  /// Takes the stored manifest in place of the one in memory. Throws `FormatError` or TAM errors for a damaged one.
  func reloadManifest() throws {
    let plaintext = try codec.unseal(repository.get(.manifest), id: nil, workspace: CodecWorkspace())
    if plaintext.starts(with: [0xc1, 0xc1, 0xc1, 0xc1]) { throw ArchiveError.unsupportedManifest }
    let isAuthenticated = try TAM.verify(plaintext, key: key, .manifest, required: key.tamRequired)
    do {
      manifest = Manifest(data: try ManifestData(decoding: plaintext))
    } catch let error as FormatError where isAuthenticated {
      // Somebody with the key wrote it: that is no damage, but another program's manifest.
      throw ArchiveError.plain(error.description)
    }
    manifestID = plaintext.withUnsafeBytes { key.id(of: $0) }
    if isAuthenticated { try updateTAMMarker() }
  }

  func setArchive(_ entry: Manifest.Entry) { manifest.set(entry) }
}
