import CLinux
import Glibc

/// The user's terminal: hidden input, line input, width.
public enum Terminal {
  /// Prompts on the terminal without echo; without one, on standard error and from standard input. Nil at end of
  /// input.
  public static func readPassphrase(prompt: String) -> [UInt8]? {
    if let terminal = try? File.open(Array("/dev/tty".utf8), O_RDWR | O_NOCTTY) {
      return withoutEcho(terminal.descriptor) { ask(prompt, input: terminal.descriptor, output: terminal.descriptor) }
    }
    return withoutEcho(0) { ask(prompt, input: 0, output: 2) }
  }

  /// One line from standard input without its newline; nil at end of input.
  public static func readLine() -> String? {
    line(from: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Columns of the terminal on `descriptor`, nil when it is none.
  public static func columns(_ descriptor: Int32) -> Int? {
    let columns = Int(clinux_terminal_columns(descriptor))
    return columns > 0 ? columns : nil
  }

  private static func ask(_ prompt: String, input: Int32, output: Int32) -> [UInt8]? {
    write(prompt, to: output)
    return line(from: input)
  }

  /// Runs `body` with the terminal's echo off; a newline takes the place of the one the user typed unseen.
  private static func withoutEcho(_ descriptor: Int32, _ body: () -> [UInt8]?) -> [UInt8]? {
    var original = termios()
    guard tcgetattr(descriptor, &original) == 0 else { return body() }
    var silent = original
    silent.c_lflag &= ~tcflag_t(ECHO)
    tcsetattr(descriptor, TCSAFLUSH, &silent)
    defer {
      tcsetattr(descriptor, TCSAFLUSH, &original)
      write("\n", to: descriptor)
    }
    return body()
  }

  /// Byte by byte, so that nothing after the line is taken from whoever reads next.
  private static func line(from descriptor: Int32) -> [UInt8]? {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while bytes.count < 1 << 20 {
      let count = read(descriptor, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return bytes.isEmpty ? nil : bytes }
      if byte == 0x0a { return bytes }
      bytes.append(byte)
    }
    return bytes
  }

  private static func write(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    _ = Glibc.write(descriptor, bytes, bytes.count)
  }
}
