import BorgFormat

/// Makes errors that a server reports the errors that a local repository would throw (remote.md 9.2).
struct ServerErrors: Sendable {
  /// How the user calls the repository; stands where the server names its own path.
  let location: String

  func error(of failure: ServerFailure) -> any Error {
    let (first, second) = (failure.argument(0), failure.argument(1))
    switch failure.className {
    case "Error", "ErrorWithTraceback": return RepositoryError.refused(first)
    case "InvalidRepository": return RepositoryError.invalidRepository(path: location)
    case "InvalidRepositoryConfig": return RepositoryError.invalidConfig(path: location, detail: second)
    case "DoesNotExist": return RepositoryError.doesNotExist(path: location)
    case "AlreadyExists": return RepositoryError.alreadyExists(path: location)
    case "CheckNeeded": return RepositoryError.checkNeeded(path: location)
    case "AtticRepository": return RepositoryError.atticRepository(path: first)
    case "PathNotAllowed": return RemoteError.pathNotAllowed(first)
    case "PathPermissionDenied": return RepositoryError.pathPermissionDenied(path: first)
    case "PathAlreadyExists": return RepositoryError.pathAlreadyExists(path: first)
    case "ParentPathDoesNotExist": return RepositoryError.parentPathDoesNotExist(path: first)
    case "IntegrityError": return IntegrityError(first)
    case "InvalidRPCMethod": return RemoteError.invalidMethod(first)
    case "LockTimeout": return RepositoryError.lockTimeout(path: first)
    case "LockFailed": return RepositoryError.lockFailed(path: first, reason: second)
    case "NotLocked": return RepositoryError.notLocked(path: first)
    case "NotMyLock": return RepositoryError.notMyLock(path: first)
    case "InsufficientFreeSpaceError":
      return RepositoryError.insufficientFreeSpace(required: first, available: second)
    case "StorageQuotaExceeded": return RepositoryError.storageQuotaExceeded(quota: first, used: second)
    case "ObjectNotFound":
      guard let id = Hex.decode(first).flatMap({ ChunkID($0) }) else { break }
      return RepositoryError.objectNotFound(id: id, path: location)
    default: break
    }
    return RemoteError.serverFailed(
      className: failure.className, message: failure.message, trace: failure.trace)
  }
}

/// The error map of a reply, as it came.
struct ServerFailure: Error, Sendable {
  var className: String
  var arguments: [String] = []
  var short: [String] = []
  var full: [String] = []

  func argument(_ index: Int) -> String { index < arguments.count ? arguments[index] : "(not available)" }

  /// One line.
  var message: String {
    let lines = short.isEmpty ? full.suffix(1).map { $0 } : short
    let text = lines.joined(separator: " ").split(whereSeparator: \.isNewline).joined(separator: " ")
    return text.isEmpty ? className : text
  }

  var trace: [String] { full.flatMap { $0.split(whereSeparator: \.isNewline).map(String.init) } }
}
