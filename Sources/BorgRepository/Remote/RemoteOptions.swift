import BorgFormat
import BorgSystem

/// How servers are reached, and what they are told when they are started (remote.md section 3).
public struct RemoteOptions: Sendable {
  /// Words of a shell; nil: ssh.
  public var rsh: String?
  /// One word; nil: borg.
  public var remotePath: [UInt8]?
  public var logLevel = LogLevel.warning
  /// Full logger names; those of the repository are passed on.
  public var debugTopics: [String] = []
  /// KiB a second; 0: no limit.
  public var uploadRateLimit = 0
  /// MiB that may wait to be sent; 0: a few.
  public var uploadBuffer = 0
  /// For read-only sessions that last: a server that is silent for so long while it owes an answer is gone.
  public var silenceLimitSeconds: Int?

  public init() {}

  /// The words that start the server of `location`. Throws `RepositoryError.refused` for an RSH that is no command.
  func commandLine(for location: Location, storageQuota: Int64 = 0) throws -> [[UInt8]] {
    guard case .ssh(let user, let host, let port) = location.host else {
      preconditionFailure("a local repository needs no server")
    }
    let shell = rsh.flatMap { $0.isEmpty ? nil : $0 } ?? "ssh"
    guard let words = shellWords(shell), !words.isEmpty else {
      throw RepositoryError.refused("The remote shell is no command: \(shell)")
    }
    guard !host.hasPrefix("-"), !(user ?? "").hasPrefix("-") else {
      throw RepositoryError.refused("A host name must not begin with a dash: \(host)")
    }
    var line = words.map { Array($0.utf8) }
    if let port { line += [Array("-p".utf8), Array("\(port)".utf8)] }
    line.append(Array((user.map { "\($0)@" } ?? "").utf8 + Array(host.utf8)))
    line.append(remotePath.flatMap { $0.isEmpty ? nil : $0 } ?? Array("borg".utf8))
    return line + serverArguments(storageQuota).map { Array($0.utf8) }
  }

  private func serverArguments(_ storageQuota: Int64) -> [String] {
    var arguments = ["serve"]
    if logLevel != .warning { arguments.append("--\(logLevel.name.lowercased())") }
    arguments += debugTopics.filter { $0.contains("repository") }.map { "--debug-topic=\($0)" }
    if storageQuota > 0 { arguments.append("--storage-quota=\(storageQuota)") }
    return arguments
  }
}
