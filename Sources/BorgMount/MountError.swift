import BorgFormat

/// Why a mount does not come to be (fuse.md 1.1). Worded as Borg words it, without its `Runtime Error: ` or `Error: `.
public enum MountError: Error, Equatable, Sendable {
  /// FUSE is switched off or not there.
  case notAvailable(reason: String)
  case mountPointUnusable(path: [UInt8])
  case unsupportedValue(option: String)
  case versionsOfOneArchive
  /// The system's settings do not let others than root show a mount to other users.
  case otherUsersRefused(option: String)
  /// libfuse has said why on standard error.
  case mountFailed
  case backgroundUnresponsive
}

extension MountError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notAvailable(let reason): "borg mount not available: no FUSE support, \(reason)."
    case .mountPointUnusable(let path): "\(displayText(path)): Mount point must be a writable directory"
    case .unsupportedValue(let option): "unsupported value in option: \(option)"
    case .versionsOfOneArchive:
      "for versions view, do not specify a single archive, but always give the repository as location."
    case .otherUsersRefused(let option):
      "option \(option): others than root may use it only when /etc/fuse.conf has a line that says user_allow_other"
    case .mountFailed: "FUSE mount failed"
    case .backgroundUnresponsive: "Daemonizing: Background process did not respond (timeout). Is it alive?"
    }
  }
}
