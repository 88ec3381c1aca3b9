import BorgArchive
import BorgFormat
import BorgSystem

/// Renders archives by a `--format` text, or as JSON objects (patterns-and-formats.md 5.1, json.md section 1). An
/// archive's metadata is read only when the format names something that stands there.
struct ArchiveFormatter {
  private enum Field: String {
    case archive, name, barchive, id, start, time
    case end, comment, bcomment, hostname, username, tam
    case commandLine = "command_line"

    var isTime: Bool { self == .start || self == .time || self == .end }
    /// What `--json` shows only when the format names it.
    static let stored: [Field] = [.end, .comment, .bcomment, .hostname, .username, .tam, .commandLine]
  }

  private enum Piece {
    case literal([UInt8])
    case text(Field, FieldSpec)
    case quoted(Field, FieldSpec)
    case time(Field, TimeFormat)
  }

  private let parts: FormatString
  private let load: (Manifest.Entry) throws -> Archive
  private var time: LocalTime
  private var loaded: (entry: Manifest.Entry, archive: Archive)?
  private var pieces: [Piece]?

  /// Throws `ArchiveError.plain` for broken braces.
  init(format: [UInt8], session: RepositorySession) throws {
    try self.init(format: format, time: LocalTime()) { try Archive($0, in: session) }
  }

  /// `load` opens an archive; it is called at most once for each that is shown.
  init(format: [UInt8], time: LocalTime, load: @escaping (Manifest.Entry) throws -> Archive) throws {
    parts = try FormatString(parsing: format)
    self.load = load
    self.time = time
  }

  /// Whether archives must be opened.
  var needsMetadata: Bool { Field.stored.contains { parts.names.contains($0.rawValue) } }

  /// Appends the archive's text. Throws what loading the archive throws, and `ArchiveError.plain` for keys that there are none.
  mutating func append(_ entry: Manifest.Entry, to output: inout [UInt8]) throws {
    for piece in try compiled() {
      switch piece {
      case .literal(let bytes): output += bytes
      case .text(let field, let spec):
        if field == .barchive || field == .bcomment {
          spec.append(raw: try text(field, of: entry), to: &output)
        } else {
          spec.append(text: try text(field, of: entry), to: &output)
        }
      case .quoted(let field, let spec):
        spec.append(text: Array(PythonText.quoted(try text(field, of: entry)).utf8), to: &output)
      case .time(let field, let format): format.append(try moment(field, of: entry), &time, to: &output)
      }
    }
  }

  /// `archive barchive id name start time` and the keys that the format names.
  mutating func json(_ entry: Manifest.Entry) throws -> JSONValue {
    let fields: [Field] = [.archive, .barchive, .id, .name, .start, .time]
    return .object(
      try (fields + Field.stored.filter { parts.names.contains($0.rawValue) }).map { field in
        (field.rawValue, try jsonValue(field, of: entry))
      })
  }

  private mutating func compiled() throws -> [Piece] {
    if let pieces { return pieces }
    let made = try parts.parts.map(Self.piece)
    pieces = made
    return made
  }

  private static func piece(_ part: FormatString.Part) throws -> Piece {
    switch part {
    case .literal(let bytes): return .literal(bytes)
    case .field(let name, let spec, let conversion):
      if let aid = try FormatString.aid(name, spec) { return .literal(aid) }
      guard let field = Field(rawValue: name) else { throw FormatString.failure("unknown key '\(name)'") }
      if field.isTime, conversion == .none { return .time(field, TimeFormat(spec)) }
      return try conversion == .quoted
        ? .quoted(field, FormatString.textSpec(spec)) : .text(field, FormatString.textSpec(spec))
    }
  }
}

/// The values of single keys.
extension ArchiveFormatter {
  private mutating func archive(_ entry: Manifest.Entry) throws -> Archive {
    if let loaded, loaded.entry == entry { return loaded.archive }
    let archive = try load(entry)
    loaded = (entry, archive)
    return archive
  }

  private mutating func text(_ field: Field, of entry: Manifest.Entry) throws -> [UInt8] {
    switch field {
    case .archive, .name, .barchive: return entry.name
    case .id: return Array(entry.id.hex.utf8)
    case .comment, .bcomment: return try archive(entry).metadata.comment ?? []
    case .hostname: return try archive(entry).metadata.hostname ?? []
    case .username: return try archive(entry).metadata.username ?? []
    case .tam: return Array((try archive(entry).isAuthenticated ? "verified" : "none").utf8)
    case .commandLine: return Array(try archive(entry).metadata.commandLine.map(Self.quoted).joined(separator: [0x20]))
    case .start, .time, .end:
      var output: [UInt8] = []
      time.append(try moment(field, of: entry), to: &output)
      return output
    }
  }

  private mutating func moment(_ field: Field, of entry: Manifest.Entry) throws -> LocalTime.Moment {
    let start = Timestamp.parseUTC(String(decoding: entry.time, as: UTF8.self)) ?? 0
    return time.moment(archiveTime: field == .end ? try archive(entry).end : start)
  }

  private mutating func jsonValue(_ field: Field, of entry: Manifest.Entry) throws -> JSONValue {
    if field.isTime {
      var output: [UInt8] = []
      LocalTime.append(iso: try moment(field, of: entry), to: &output)
      return .string(String(decoding: output, as: UTF8.self))
    }
    if field == .commandLine {
      return .array(try archive(entry).metadata.commandLine.map { .string(displayText($0)) })
    }
    return .string(displayText(try text(field, of: entry)))
  }

  /// An argument as a shell would have to be given it.
  private static func quoted(_ argument: [UInt8]) -> [UInt8] {
    let argument = argument.withUnsafeBytes { displayBytes($0) }
    let quote = UInt8(ascii: "'")
    guard argument.isEmpty || !argument.allSatisfy(isSafe) else { return argument }
    var output = [quote]
    for byte in argument {
      if byte == quote { output += Array("'\"'\"'".utf8) } else { output.append(byte) }
    }
    return output + [quote]
  }

  private static func isSafe(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "@%+=:,./-_".utf8.contains(byte)
    }
  }
}
