import BorgArchive
import BorgFormat
import BorgSystem

/// A `--format` value taken apart (patterns-and-formats.md section 5): Python's format strings with keys, no positions.
struct FormatString: Equatable {
  enum Conversion {
    case none
    /// `!s`: the value is made text first, so that numbers too are aligned left.
    case text
    /// `!r` and `!a`: quoted as in Python's source.
    case quoted
  }

  enum Part: Equatable {
    case literal([UInt8])
    case field(name: String, spec: String, Conversion)
  }

  /// Literals and fields in order.
  private(set) var parts: [Part] = []

  /// Throws `ArchiveError.plain` for braces that do not match and for what Borg's formats have no use for.
  init(parsing format: [UInt8]) throws {
    let template = try Self.checked { try FormatTemplate(parsing: format) }
    parts = try template.pieces.map { piece in
      switch piece {
      case .literal(let bytes): return .literal(bytes)
      case .field(let name, let conversion, let spec): return try Self.field(name, conversion, spec)
      }
    }
  }

  /// The names of all fields.
  var names: Set<String> {
    parts.reduce(into: []) { names, part in
      if case .field(let name, _, _) = part { names.insert(name) }
    }
  }

  static func failure(_ reason: String) -> ArchiveError { .plain("Invalid format string: \(reason)") }

  /// A text's specification. Throws `ArchiveError.plain` in Python's words.
  static func textSpec(_ spec: String) throws -> FieldSpec { try checked { try FieldSpec(forText: spec) } }

  /// An integer's specification. Throws `ArchiveError.plain` in Python's words.
  static func integerSpec(_ spec: String) throws -> FieldSpec { try checked { try FieldSpec(forInteger: spec) } }

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
    try textSpec(spec).append(text: Array(text.utf8), to: &output)
    return output
  }

  private static func field(_ name: [UInt8], _ conversion: UInt8?, _ spec: [UInt8]) throws -> Part {
    guard !name.allSatisfy({ (0x30...0x39).contains($0) }) else {
      throw failure("Format string contains positional fields")
    }
    guard !spec.contains(UInt8(ascii: "{")) else { throw failure("fields inside fields are not supported") }
    return .field(
      name: String(decoding: name, as: UTF8.self), spec: String(decoding: spec, as: UTF8.self),
      try self.conversion(conversion))
  }

  private static func conversion(_ letter: UInt8?) throws -> Conversion {
    switch letter {
    case nil: return .none
    case UInt8(ascii: "s"): return .text
    case UInt8(ascii: "r"), UInt8(ascii: "a"): return .quoted
    case let letter?: throw failure("Unknown conversion specifier \(displayText([letter]))")
    }
  }

  private static func checked<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as FormatError { throw failure(error.description) }
  }
}
