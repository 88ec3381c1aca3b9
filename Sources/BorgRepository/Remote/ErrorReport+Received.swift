import BorgFormat

/// The same report at the client's end: what a server says becomes the error that a local repository would throw.
extension ErrorReport {
  /// `map` is the error map as it came; its parts may be missing or of other types.
  init(received className: MessagePackValue, _ map: MessagePackValue) {
    func texts(_ key: String) -> [String] {
      map[key]?.arrayValue?.prefix(ErrorReport.maximumLines).map(ErrorReport.text) ?? []
    }
    let name = ErrorReport.text(className)
    let full = texts("exception_full").flatMap {
      $0.split(maxSplits: ErrorReport.maximumLines, whereSeparator: \.isNewline).map(String.init)
    }
    let short = texts("exception_short")
    let words = (short.isEmpty ? full.suffix(1) : short[...]).joined(separator: " ")
    let line = words.split(whereSeparator: \.isNewline).joined(separator: " ")
    self.init(
      className: name,
      arguments: (map["exception_args"]?.arrayValue ?? []).prefix(ErrorReport.maximumLines).map(ErrorReport.argument),
      text: line.isEmpty ? name : line, trace: full)
  }

  /// `location` is how the user calls the repository; it stands where the server names its own path (remote.md 9.2).
  func error(location: String) -> any Error {
    let (first, second) = (argument(0), argument(1))
    switch className {
    case "Error", "ErrorWithTraceback": return RepositoryError.refused(first)
    case "InvalidRepository": return RepositoryError.invalidRepository(path: location)
    case "InvalidRepositoryConfig": return RepositoryError.invalidConfig(path: location, detail: second)
    case "DoesNotExist": return RepositoryError.doesNotExist(path: location)
    case "AlreadyExists": return RepositoryError.alreadyExists(path: location)
    case "CheckNeeded": return RepositoryError.checkNeeded(path: location)
    case "AtticRepository": return RepositoryError.atticRepository(path: first)
    case "PathNotAllowed": return ServingError.pathNotAllowed(first)
    case "PathPermissionDenied": return RepositoryError.pathPermissionDenied(path: first)
    case "PathAlreadyExists": return RepositoryError.pathAlreadyExists(path: first)
    case "ParentPathDoesNotExist": return RepositoryError.parentPathDoesNotExist(path: first)
    case "IntegrityError": return IntegrityError(first)
    case "InvalidRPCMethod": return ServingError.unknownMethod(first)
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
    return RemoteError.serverFailed(className: className, message: text, trace: trace)
  }

  private func argument(_ index: Int) -> String {
    guard index < arguments.count else { return "(not available)" }
    switch arguments[index] {
    case .text(let text): return text
    case .number(let number): return "\(number)"
    }
  }

  private static func argument(_ value: MessagePackValue) -> Argument {
    value.intValue.map { .number($0) } ?? .text(text(value))
  }

  /// No error has more to say; a server that talks on and on is not listened to.
  private static let maximumLines = 200
  private static let maximumTextLength = 8192

  private static func text(_ value: MessagePackValue) -> String {
    switch value {
    case .raw(let bytes): String(decoding: bytes.prefix(maximumTextLength), as: UTF8.self)
    case .int(let number): "\(number)"
    default: ""
    }
  }
}
