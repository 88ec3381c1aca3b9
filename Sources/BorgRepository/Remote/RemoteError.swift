/// What can go wrong between client and server beyond the repository's own errors (remote.md section 9). Each describes
/// itself in Borg's words.
public enum RemoteError: Error, Equatable, Sendable {
  case connectionClosed
  case connectionClosedWithHint
  case connectionBroken
  case serverOutdated(call: String, required: String)
  /// What came is no reply, such as a greeting of the login shell: its first bytes.
  case unexpectedData([UInt8])
  /// A reply of the wrong kind.
  case unexpectedReply(String)
  /// A list of ids that never ends: it begins again and again.
  case repeatedList(String)
  case unsupportedProtocol(String)
  /// The server met an error without a class of its own: its class, one line of text, and the whole story.
  case serverFailed(className: String, message: String, trace: [String])
}

extension RemoteError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .connectionClosed: "Connection closed by remote host."
    case .connectionClosedWithHint: "Connection closed by remote host. Is borg working on the server?"
    case .connectionBroken: "Connection to remote host is broken. Broken Pipe"
    case .serverOutdated(let call, let required): "Borg server is too old for \(call). Required version \(required)"
    case .unexpectedData(let bytes): "Got unexpected RPC data format from server:\n\(RemoteError.text(of: bytes))"
    case .unexpectedReply(let call): "Got an unexpected reply to \(call) from the server."
    case .repeatedList(let call): "The server's reply to \(call) has no end: it repeats itself."
    case .unsupportedProtocol(let version): "Server insisted on using unsupported protocol version \(version)"
    case .serverFailed(_, let message, _): message
    }
  }

  /// What the same end means before the server has said anything: it may be no Borg at all.
  var beforeNegotiation: RemoteError {
    switch self {
    case .connectionClosed, .connectionBroken: .connectionClosedWithHint
    default: self
    }
  }

  private static let shownBytes = 128

  private static func text(of bytes: [UInt8]) -> String {
    let shown = bytes.prefix(shownBytes)
    if let text = String(validating: shown, as: UTF8.self) { return text }
    let digits = Array("0123456789abcdef".unicodeScalars)
    return shown.map { "\(digits[Int($0 >> 4)])\(digits[Int($0 & 15)])" }.joined(separator: " ")
  }
}
