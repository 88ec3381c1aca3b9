import Glibc

/// A child process with chosen descriptors. Its environment lacks BORG_PASSPHRASE and has BORG_VERSION; SIGINT is
/// ignored in it, so that Ctrl-C reaches us alone.
public final class ChildProcess: Sendable {
  public let pid: pid_t

  /// Starts `arguments[0]`, searched in PATH. A nil descriptor is inherited. Throws `SystemError`.
  public init(
    _ arguments: [String], environment: Environment, standardInput: Int32? = nil, standardOutput: Int32? = nil,
    standardError: Int32? = nil
  ) throws { fatalError("contract: BorgSystem") }
  /// The exit status, or -signal as Python gives it.
  public func wait() throws -> Int32 { fatalError("contract: BorgSystem") }
  /// Runs to the end and returns what it printed.
  public static func output(_ arguments: [String], environment: Environment) throws -> (
    status: Int32, output: [UInt8]
  ) { fatalError("contract: BorgSystem") }
}

/// Splits a command line by POSIX shell word rules (quotes, backslash). Nil on an unclosed quote.
public func shellWords(_ text: String) -> [String]? { fatalError("contract: BorgSystem") }
/// Quotes one word for a shell, as Python's shlex.quote.
public func shellQuoted(_ word: String) -> String { fatalError("contract: BorgSystem") }
