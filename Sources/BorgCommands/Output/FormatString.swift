import BorgArchive

/// A `--format` value taken apart (patterns-and-formats.md section 5): Python's format strings with keys, no positions.
struct FormatString: Equatable {
  enum Part: Equatable {
    case literal([UInt8])
    /// `isText`: the value is made text first (`!s`), so that numbers too are aligned left.
    case field(name: String, spec: String, isText: Bool)
  }

  /// Literals and fields in order; two literals never stand side by side.
  private(set) var parts: [Part] = []

  /// Throws `ArchiveError.plain` for braces that do not match and for what Borg's formats have no use for.
  init(parsing format: [UInt8]) throws {
    var scanner = Scanner(rest: format[...])
    while let part = try scanner.next() { append(part) }
  }

  /// The names of all fields.
  var names: Set<String> {
    parts.reduce(into: []) { names, part in
      if case .field(let name, _, _) = part { names.insert(name) }
    }
  }

  static func failure(_ reason: String) -> ArchiveError { .plain("Invalid format string: \(reason)") }

  /// Formatting aids that every format knows; nil for other names. Throws for a wrong specification.
  static func aid(_ name: String, _ spec: String) throws -> [UInt8]? {
    let text: String
    switch name {
    case "NL", "NEWLINE", "LF": text = "\n"
    case "CR": text = "\r"
    case "TAB": text = "\t"
    case "SPACE": text = " "
    case "NUL": text = "\0"
    default: return nil
    }
    var output: [UInt8] = []
    try FieldSpec(forText: spec).append(text: Array(text.utf8), to: &output)
    return output
  }

  private mutating func append(_ part: Part) {
    if case .literal(let bytes) = part, case .literal(let before)? = parts.last {
      parts[parts.count - 1] = .literal(before + bytes)
    } else {
      parts.append(part)
    }
  }
}

/// Walks over a format string.
private struct Scanner {
  private static let open = UInt8(ascii: "{")
  private static let close = UInt8(ascii: "}")

  var rest: ArraySlice<UInt8>

  mutating func next() throws -> FormatString.Part? {
    guard let first = rest.first else { return nil }
    let isDoubled = rest.dropFirst().first == first
    switch first {
    case Scanner.open where isDoubled, Scanner.close where isDoubled:
      rest = rest.dropFirst(2)
      return .literal([first])
    case Scanner.open:
      rest = rest.dropFirst()
      return try field()
    case Scanner.close: throw FormatString.failure("Single '}' encountered in format string")
    default:
      let literal = rest.prefix { $0 != Scanner.open && $0 != Scanner.close }
      rest = rest[literal.endIndex...]
      return .literal(Array(literal))
    }
  }

  private mutating func field() throws -> FormatString.Part {
    guard !rest.isEmpty else { throw FormatString.failure("Single '{' encountered in format string") }
    guard let end = rest.firstIndex(of: Scanner.close) else {
      throw FormatString.failure("expected '}' before end of string")
    }
    let field = rest[..<end]
    rest = rest[(end + 1)...]
    guard !field.contains(Scanner.open) else {
      throw FormatString.failure("fields inside fields are not supported")
    }
    let name = field.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "!") }
    guard !name.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw FormatString.failure("Format string contains positional fields")
    }
    let (spec, isText) = try specification(field[name.endIndex...])
    return .field(name: String(decoding: name, as: UTF8.self), spec: spec, isText: isText)
  }

  /// What follows a field's name: a conversion, a specification, both or neither.
  private func specification(_ text: ArraySlice<UInt8>) throws -> (spec: String, isText: Bool) {
    guard text.first == UInt8(ascii: "!") else { return (String(decoding: text.dropFirst(), as: UTF8.self), false) }
    let conversion = String(decoding: text.dropFirst().prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
    guard conversion == "s" else { throw FormatString.failure("conversion '!\(conversion)' is not supported") }
    return (String(decoding: text.dropFirst(3), as: UTF8.self), true)
  }
}
