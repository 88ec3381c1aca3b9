import Glibc

/// The user's terminal: hidden input, line input, width.
public enum Terminal {
  /// Prompts on /dev/tty (else stderr/stdin) without echo. Nil at end of input or without a terminal.
  public static func readPassphrase(prompt: String) -> [UInt8]? { fatalError("contract: BorgSystem") }
  /// One line from standard input without its newline; nil at end of input.
  public static func readLine() -> String? { fatalError("contract: BorgSystem") }
  /// Columns of the terminal on `descriptor`, nil when it is none.
  public static func columns(_ descriptor: Int32) -> Int? { fatalError("contract: BorgSystem") }
}
