/// Writes a manual page in the man macros that groff and mandoc read.
struct Roff {
  private(set) var text: String
  /// Behind a heading a paragraph begins by itself.
  private var isBehindHeading = false

  /// `date` is `yyyy-mm-dd`.
  init(title: String, section: Int, date: String, source: String, volume: String) {
    text = ".TH \"\(title)\" \(section) \"\(date)\" \"\(source)\" \"\(volume)\"\n.nh\n.ad l\n"
  }

  mutating func section(_ heading: String) { begin(".SH", heading) }
  mutating func subsection(_ heading: String) { begin(".SS", heading) }

  private mutating func begin(_ macro: String, _ heading: String) {
    text += "\(macro) \(Roff.quoted(heading))\n"
    isBehindHeading = true
  }

  /// Ends a paragraph, if there is one.
  mutating func separate() {
    if !isBehindHeading { text += ".PP\n" }
    isBehindHeading = false
  }

  /// Running text, filled.
  mutating func paragraph(_ words: String) {
    separate()
    text += Roff.lines(words)
  }

  /// Markup that is escaped already, filled.
  mutating func markup(_ words: String) {
    text += words + "\n"
    isBehindHeading = false
  }

  /// A term, already escaped, and what it means.
  mutating func entry(_ term: String, _ meaning: String, indent: Int? = nil) {
    let width = indent.map { " \($0)" } ?? ""
    isBehindHeading = false
    text += ".TP\(width)\n\(Roff.guarded(term))\n" + Roff.lines(meaning)
  }

  /// Lines that stay as they are, such as tables and examples.
  mutating func verbatim(_ lines: [String]) {
    separate()
    text += ".RS 4\n.nf\n" + lines.map { Roff.guarded(Roff.escaped($0)) + "\n" }.joined() + ".fi\n.RE\n"
  }

  static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }
  static func italic(_ text: String) -> String { "\\fI\(escaped(text))\\fR" }

  /// Everything that means something to roff, or that it would turn into typography, as the character it is.
  static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case "'": result += "\\(aq"
      case "`": result += "\\(ga"
      case "^": result += "\\(ha"
      case "~": result += "\\(ti"
      case "\"": result += "\\(dq"
      case _ where scalar.isASCII: result.unicodeScalars.append(scalar)
      default: result += "\\[u\(hexadecimal(scalar))]"
      }
    }
    return result
  }

  private static func hexadecimal(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }

  /// A dot at the start of a line would be a request.
  private static func guarded(_ line: String) -> String { line.hasPrefix(".") ? "\\&" + line : line }

  private static func quoted(_ heading: String) -> String { "\"\(escaped(heading))\"" }

  private static func lines(_ text: String) -> String {
    text.split(separator: "\n").map { guarded(escaped(String($0).trimmingSpaces().description)) + "\n" }.joined()
  }
}
