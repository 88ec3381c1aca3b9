/// The exit codes of Borg (cli.md section 2).
struct ExitCode: Equatable, Sendable {
  let value: Int32

  init(_ value: Int32) {
    self.value = value
  }

  static let success = ExitCode(0)
  static let warning = ExitCode(1)
  static let error = ExitCode(2)

  static func signal(_ number: Int32) -> ExitCode { ExitCode(128 &+ number) }

  /// The word of --show-rc.
  var className: String {
    switch value {
    case 0: "success"
    case 1, 100...127: "warning"
    case 2...99: "error"
    case 128...255: "signal"
    default: "abnormal"
    }
  }
}

/// Whether `BORG_EXIT_CODES=modern` gives errors and warnings codes of their own.
enum ExitCodeStyle: Sendable {
  case legacy, modern
}

/// The warnings of a run and the exit code that they make together.
struct WarningLedger: Sendable {
  private var codes: Set<Int32> = []

  mutating func note(_ code: Int32) { codes.insert(code) }

  /// Warnings of one kind give its code, several kinds give 1; a plain 1 is a kind of its own.
  func exitCode(_ style: ExitCodeStyle) -> ExitCode {
    guard let first = codes.first else { return .success }
    return style == .modern && codes.count == 1 ? ExitCode(first) : .warning
  }
}
