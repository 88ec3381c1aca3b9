import BorgSystem
import Glibc

/// The real Borg that tests compare with: the program named by the environment variable BORG_ORACLE, run in a home of
/// its own with the passphrase `test`.
public struct Oracle: Sendable {
  public struct Missing: Error, CustomStringConvertible {
    public var description: String { "set BORG_ORACLE to the path of Borg 1.4 (see Scripts/oracle)" }
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  public let program: String
  public let home: TemporaryDirectory
  public var environment: Environment

  /// Throws `Missing` when BORG_ORACLE is not set: such a test must fail, not pass unseen.
  public init() throws {
    guard let program = Environment.current().nonEmpty("BORG_ORACLE") else { throw Missing() }
    self.program = program
    home = try TemporaryDirectory()
    environment = Environment(variables: [
      "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": home.path, "BORG_BASE_DIR": home.path, "LANG": "C.UTF-8",
      "BORG_PASSPHRASE": "test", "BORG_PASSCOMMAND": "echo test",
      "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
      "BORG_SELFTEST": "disabled",
    ])
  }

  /// Runs it and returns all that it printed; throws `Failure` unless it exits with 0.
  @discardableResult
  public func run(_ arguments: String...) throws -> String { try run(arguments) }

  @discardableResult
  public func run(_ arguments: [String]) throws -> String {
    let log = home.path("output")
    let file = try File.open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    let child = try ChildProcess(
      [program] + arguments, environment: environment, standardOutput: file.descriptor,
      standardError: file.descriptor)
    let status = try child.wait()
    let output = String(decoding: try Files.read(log), as: UTF8.self)
    guard status == 0 else { throw Failure(description: "borg \(arguments) exits with \(status): \(output)") }
    return output
  }
}
