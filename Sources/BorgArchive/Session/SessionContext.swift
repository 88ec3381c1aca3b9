import BorgSystem
import Glibc

/// What every session is given from outside.
public struct SessionContext: Sendable {
  public var environment: Environment
  public var monitor: any Monitor
  public var clock: Clock
  public var users: Users
  /// How passphrases are asked for.
  public var terminal: PassphraseTerminal = .system
  /// How long a lock of the local cache is waited for.
  public var lockWaitSeconds = 1
  /// A wrong TAM of an archive counts as none: `upgrade` puts it right.
  public var ignoresInvalidArchiveTAM = false

  public init(environment: Environment, monitor: any Monitor, clock: Clock = .system, users: Users = Users()) {
    self.environment = environment
    self.monitor = monitor
    self.clock = clock
    self.users = users
  }

  /// The words of `BORG_WORKAROUNDS`.
  func worksAround(_ word: String) -> Bool {
    if ignoresInvalidArchiveTAM, word == "ignore_invalid_archive_tam" { return true }
    return (environment["BORG_WORKAROUNDS"] ?? "").split(separator: ",").contains { $0 == word }
  }
}

/// The user at the keyboard, as passphrase dialogues need them. Never JSON, whatever the monitor speaks.
public struct PassphraseTerminal: Sendable {
  /// Asks without echo. Nil at the end of input; throws `ArchiveError.cancelledByUser` when the user interrupts.
  public var readPassphrase: @Sendable (_ prompt: String) throws -> [UInt8]?
  /// Shows one line on standard error.
  public var show: @Sendable (_ line: String) -> Void

  public init(
    readPassphrase: @escaping @Sendable (_ prompt: String) throws -> [UInt8]?,
    show: @escaping @Sendable (_ line: String) -> Void
  ) {
    self.readPassphrase = readPassphrase
    self.show = show
  }

  public static let system = PassphraseTerminal(
    readPassphrase: { Terminal.readPassphrase(prompt: $0) },
    show: { line in
      let standardError = Array((line + "\n").utf8)
      standardError.withUnsafeBytes { bytes in _ = write(2, bytes.baseAddress, bytes.count) }
    })
}
