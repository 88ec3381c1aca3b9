import BorgFormat
import BorgSystem
import Glibc

/// An error as it travels to the client: Borg's bare class name, the arguments that its client expects of that class,
/// and one line of text (remote.md section 9).
struct ErrorReport: Error, Equatable {
  enum Argument: Equatable, Sendable {
    case text(String)
    case number(Int64)
  }

  var className: String
  var arguments: [Argument]
  /// Borg's message, without the class name that is put before those of Python's own classes.
  var text: String
  /// One of Python's classes, which clients do not know by name.
  var isForeign = false
  /// The server's whole story, line by line.
  var trace: [String] = []

  var shortText: String { isForeign ? "\(className): \(text)" : text }

  init(_ error: any Error) {
    switch error {
    case let error as RepositoryError: self = ErrorReport.of(error)
    case let error as ServingError: self = ErrorReport.of(error)
    case let error as IntegrityError:
      self.init("IntegrityError", [error.detail], error.description)
    case let error as FormatError: self.init("IntegrityError", [error.description], "Data integrity error: \(error)")
    case let error as SystemError:
      self.init(foreign: ErrorReport.className(of: error.code), error.description)
      arguments = [.number(Int64(error.code)), .text(error.message)]
    default: self.init(foreign: "Exception", "\(error)")
    }
  }

  private init(_ className: String, _ arguments: [String], _ text: String) {
    self.className = className
    self.arguments = arguments.map { .text($0) }
    self.text = text
  }

  private init(foreign className: String, _ text: String) {
    self.init(className, [text], text)
    isForeign = true
  }

  private static func of(_ error: RepositoryError) -> ErrorReport {
    func named(_ name: String, _ arguments: String...) -> ErrorReport {
      ErrorReport(name, arguments, error.description)
    }
    return switch error {
    case .alreadyExists(let path): named("AlreadyExists", path)
    case .atticRepository(let path): named("AtticRepository", path)
    case .checkNeeded(let path): named("CheckNeeded", path)
    case .doesNotExist(let path): named("DoesNotExist", path)
    case .insufficientFreeSpace(let required, let available):
      named("InsufficientFreeSpaceError", required, available)
    case .invalidRepository(let path): named("InvalidRepository", path)
    case .invalidConfig(let path, let detail): named("InvalidRepositoryConfig", path, detail)
    case .objectNotFound(let id, let path): named("ObjectNotFound", id.hex, path)
    case .parentPathDoesNotExist(let path): named("ParentPathDoesNotExist", path)
    case .pathAlreadyExists(let path): named("PathAlreadyExists", path)
    case .storageQuotaExceeded(let quota, let used): named("StorageQuotaExceeded", quota, used)
    case .pathPermissionDenied(let path): named("PathPermissionDenied", path)
    case .lockFailed(let path, let reason): named("LockFailed", path, reason)
    case .lockTimeout(let path): named("LockTimeout", path)
    case .notLocked(let path): named("NotLocked", path)
    case .notMyLock(let path): named("NotMyLock", path)
    case .exclusiveLockMissing: ErrorReport(foreign: "AssertionError", error.description)
    case .appendOnly: ErrorReport(foreign: "ValueError", error.description)
    case .refused(let text): ErrorReport("Error", [text], "Error: \(text)")
    }
  }

  private static func of(_ error: ServingError) -> ErrorReport {
    switch error {
    case .unexpectedData: ErrorReport("UnexpectedRPCDataFormatFromClient", [], error.description)
    case .unknownMethod(let name): ErrorReport("InvalidRPCMethod", [name], error.description)
    case .pathNotAllowed(let path): ErrorReport("PathNotAllowed", [path], error.description)
    case .badArgument(let text): ErrorReport(foreign: "TypeError", text)
    case .notOpen: ErrorReport(foreign: "AttributeError", error.description)
    case .unknownMarker(let id): ErrorReport(foreign: "KeyError", id)
    case .injected(let name, let arguments, let text):
      ErrorReport(
        className: name, arguments: arguments.map { .text($0) }, text: text, isForeign: name == "ZeroDivisionError")
    }
  }

  init(className: String, arguments: [Argument], text: String, isForeign: Bool = false, trace: [String] = []) {
    self.className = className
    self.arguments = arguments
    self.text = text
    self.isForeign = isForeign
    self.trace = trace
  }

  private static func className(of code: Int32) -> String {
    switch code {
    case ENOENT: "FileNotFoundError"
    case EEXIST: "FileExistsError"
    case EACCES, EPERM: "PermissionError"
    case ENOTDIR: "NotADirectoryError"
    case EISDIR: "IsADirectoryError"
    default: "OSError"
    }
  }
}
