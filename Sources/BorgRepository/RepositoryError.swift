import BorgFormat

/// What can go wrong with a repository (repository.md section 21). Each describes itself in Borg's words.
public enum RepositoryError: Error, Equatable, Sendable {
  case alreadyExists(path: String)
  case atticRepository(path: String)
  case checkNeeded(path: String)
  case doesNotExist(path: String)
  case insufficientFreeSpace(required: String, available: String)
  case invalidRepository(path: String)
  case invalidConfig(path: String, detail: String)
  case objectNotFound(id: ChunkID, path: String)
  case parentPathDoesNotExist(path: String)
  case pathAlreadyExists(path: String)
  case storageQuotaExceeded(quota: String, used: String)
  case pathPermissionDenied(path: String)
  case lockFailed(path: String, reason: String)
  case lockTimeout(path: String)
  case notLocked(path: String)
  case notMyLock(path: String)
  /// A refusal without a name of its own (Borg's plain exceptions, rc 2): append-only, bad values.
  case refused(String)
}

extension RepositoryError: CustomStringConvertible {
  public var description: String { fatalError("contract: BorgRepository") }
}
