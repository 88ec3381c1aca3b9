/// What goes wrong between a server and its client, beside the repository's own errors.
public enum ServingError: Error, Equatable, Sendable {
  /// What came is no request. The connection ends.
  case unexpectedData
  case unknownMethod(String)
  case pathNotAllowed(String)
  case badArgument(String)
  /// A call that needs an open repository came before one.
  case notOpen(method: String)
  case unknownMarker(String)
  /// What `inject_exception` was asked for.
  case injected(className: String, arguments: [String], text: String)
}

extension ServingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unexpectedData: "Got unexpected RPC data format from client."
    case .unknownMethod(let name): "RPC method \(name) is not valid."
    case .pathNotAllowed(let path): "Repository path not allowed: \(path)"
    case .badArgument(let text): text
    case .notOpen(let method): "'NoneType' object has no attribute '\(method)'"
    case .unknownMarker(let id): id
    case .injected(_, _, let text): text
    }
  }
}
