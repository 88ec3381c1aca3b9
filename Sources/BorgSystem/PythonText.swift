/// Text as Python's `repr` writes it, which some of Borg's messages contain.
public enum PythonText {
  public static func quoted(_ text: String) -> String { quoted(Array(text.utf8)) }

  /// Bytes that are no UTF-8 stand as the lone surrogates that Python makes of them, `\udc80` … `\udcff`.
  public static func quoted(_ text: [UInt8]) -> String {
    let quote: Unicode.Scalar = text.contains(UInt8(ascii: "'")) && !text.contains(UInt8(ascii: "\"")) ? "\"" : "'"
    var result = String(quote)
    var decoder = UTF8()
    var bytes = text[...]
    while !bytes.isEmpty {
      var rest = bytes.makeIterator()
      if case .scalarValue(let scalar) = decoder.decode(&rest) {
        append(scalar, to: &result, quote)
        bytes = bytes.dropFirst(UTF8.width(scalar))
      } else {
        result += escape(0xdc00 + UInt32(bytes.removeFirst()))
      }
      decoder = UTF8()
    }
    return result + String(quote)
  }

  public static func list(_ texts: [String]) -> String {
    "[" + texts.map { quoted($0) }.joined(separator: ", ") + "]"
  }

  private static func append(_ scalar: Unicode.Scalar, to result: inout String, _ quote: Unicode.Scalar) {
    switch scalar {
    case quote, "\\": result += "\\\(scalar)"
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
    default: result += escape(scalar.value)
    }
  }

  private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.isASCII { return (0x20...0x7e).contains(scalar.value) }
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator, .spaceSeparator:
      return false
    default: return true
    }
  }

  private static func escape(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    let (mark, width) = value < 0x100 ? ("\\x", 2) : value < 0x1_0000 ? ("\\u", 4) : ("\\U", 8)
    return mark + String(repeating: "0", count: width - digits.utf8.count) + digits
  }

  /// A signal as Python's enumeration shows it; unknown ones by number.
  public static func signal(_ number: Int32) -> String {
    let names = [
      "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM",
    ]
    guard number >= 1, number <= names.count else { return "unknown signal \(number)" }
    return "<Signals.SIG\(names[Int(number) - 1]): \(number)>"
  }
}
