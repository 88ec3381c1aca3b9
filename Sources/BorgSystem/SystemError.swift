import Glibc

/// A failed system call: its errno, and the path it was about. Described as Python's OSError, which scripts match.
public struct SystemError: Error, Equatable, CustomStringConvertible {
  public var code: Int32
  public var path: [UInt8]?
  /// Of a call that is about two paths, the second.
  public var target: [UInt8]?

  public init(code: Int32, path: [UInt8]? = nil) {
    self.code = code
    self.path = path
  }

  /// The error of the call that has just failed.
  public static func last(_ path: [UInt8]? = nil) -> SystemError {
    SystemError(code: errno, path: path)
  }

  /// The C library's text for the errno, such as `No such file or directory` (thread-safe in glibc).
  public var message: String {
    guard let text = strerror(code) else { return "error \(code)" }
    return String(cString: text)
  }

  /// `[Errno 2] No such file or directory: 'name'`, with a target `'name' -> 'target'`
  public var description: String {
    guard let path else { return "[Errno \(code)] \(message)" }
    let arrow = target.map { " -> \(PythonText.quoted($0))" } ?? ""
    return "[Errno \(code)] \(message): \(PythonText.quoted(path))\(arrow)"
  }
}
