import BorgFormat

/// Text as Python's `repr` writes it, which some of Borg's messages contain.
enum PythonText {
  static func quoted(_ text: String) -> String {
    let quote: Unicode.Scalar = text.contains("'") && !text.contains("\"") ? "\"" : "'"
    var result = String(quote)
    for scalar in text.unicodeScalars {
      switch scalar {
      case quote, "\\": result += "\\\(scalar)"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        result += "\\x" + Hex.encode([UInt8(scalar.value)])
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + String(quote)
  }

  static func list(_ texts: [String]) -> String {
    "[" + texts.map(quoted).joined(separator: ", ") + "]"
  }

  /// A signal as Python's enumeration shows it; unknown ones by number.
  static func signal(_ number: Int32) -> String {
    let names = [
      "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    ]
    guard number >= 1, number <= names.count else { return "unknown signal \(number)" }
    return "<Signals.SIG\(names[Int(number) - 1]): \(number)>"
  }
}
