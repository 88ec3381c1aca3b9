import BorgFormat
import BorgObjects
import BorgRepository

/// Opens single objects with a repository's key, even where there is no readable manifest (`borg debug`).
public struct ObjectInspection {
  private let codec: ObjectCodec
  private let workspace = CodecWorkspace()

  /// The key is found by any object of the repository.
  public init(_ repository: any Repository, anyObject object: [UInt8], context: SessionContext) throws {
    let key = try KeyLoader(repository: repository, context: context).load(manifestObject: object).key
    codec = ObjectCodec(key: key, nonces: nil)
  }

  /// The verified plaintext of an object.
  public func plaintext(of id: ChunkID, _ object: [UInt8]) throws -> [UInt8] {
    try codec.unseal(object, id: id == .manifest ? nil : id, workspace: workspace)
  }
}

extension RepositorySession {
  /// The verified plaintext of the stored object `id`.
  public func plaintext(of id: ChunkID) throws -> [UInt8] {
    try codec.unseal(repository.get(id), id: id == .manifest ? nil : id, workspace: CodecWorkspace())
  }
}
