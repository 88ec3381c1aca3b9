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
  /// Changes, and some questions, need the exclusive lock.
  case exclusiveLockMissing
  case appendOnly(path: String)
  /// A refusal without a name of its own (Borg's plain exceptions, rc 2): bad values.
  case refused(String)
}

extension RepositoryError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .alreadyExists(let path): "A repository already exists at \(path)."
    case .atticRepository(let path): "Attic repository detected. Please run \"borg upgrade \(path)\"."
    case .checkNeeded(let path): "Inconsistency detected. Please run \"borg check \(path)\"."
    case .doesNotExist(let path): "Repository \(path) does not exist."
    case .insufficientFreeSpace(let required, let available):
      "Insufficient free space to complete transaction (required: \(required), available: \(available))."
    case .invalidRepository(let path): "\(path) is not a valid repository. Check repo config."
    case .invalidConfig(let path, let detail):
      "\(path) does not have a valid configuration. Check repo config [\(detail)]."
    case .objectNotFound(let id, let path): "Object with key \(id.hex) not found in repository \(path)."
    case .parentPathDoesNotExist(let path): "The parent path of the repo directory [\(path)] does not exist."
    case .pathAlreadyExists(let path): "There is already something at \(path)."
    case .storageQuotaExceeded(let quota, let used):
      "The storage quota (\(quota)) has been exceeded (\(used)). Try deleting some archives."
    case .pathPermissionDenied(let path): "Permission denied to \(path)."
    case .lockFailed(let path, let reason): "Failed to create/acquire the lock \(path) (\(reason))."
    case .lockTimeout(let path): "Failed to create/acquire the lock \(path) (timeout)."
    case .notLocked(let path): "Failed to release the lock \(path) (was not locked)."
    case .notMyLock(let path): "Failed to release the lock \(path) (was/is locked, but not by me)."
    case .exclusiveLockMissing: "bug in code, exclusive lock should exist here"
    case .appendOnly(let path): "\(path) is in append-only mode"
    case .refused(let text): text
    }
  }
}
