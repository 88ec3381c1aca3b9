import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// The one document that a command with --json prints (json.md section 1).
struct JSONDocument {
  typealias Object = [(key: String, value: JSONValue)]

  private(set) var object: Object

  init(_ object: Object = []) {
    self.object = object
  }

  mutating func set(_ key: String, _ value: JSONValue) { object.append((key, value)) }

  /// With sorted keys, indented as BORG_JSON_INDENT says.
  func text(_ environment: Environment) -> String {
    JSONValue.object(object).text(indent: JSONDocument.indent(environment["BORG_JSON_INDENT"]), sortedKeys: true) + "\n"
  }

  /// Nil: one line.
  static func indent(_ variable: String?) -> String? {
    guard let variable else { return "    " }
    if variable.lowercased() == "none" { return nil }
    return Int(variable).map { String(repeating: " ", count: max(0, $0)) } ?? variable
  }

  /// `repository` and `encryption` of an open repository.
  static func basics(_ session: RepositorySession) -> JSONDocument {
    var encryption: Object = [("mode", .string(session.key.type.modeName))]
    if let target = session.keyTarget, session.key.type.storage == .keyfile {
      encryption.append(("keyfile", .string(target)))
    }
    let timestamp = session.manifest.data.timestamp.map { String(decoding: $0, as: UTF8.self) }
    let modified = timestamp.flatMap(Timestamp.parseUTC) ?? 0
    return JSONDocument([
      ("encryption", .object(encryption)),
      (
        "repository",
        .object([
          ("id", .string(session.repository.id.hex)),
          ("last_modified", .string(wholeSecondsText(modified))),
          ("location", .string(session.repository.location.canonicalPath)),
        ])
      ),
    ])
  }

  /// A time of archives, which show no fractions of a second.
  static func wholeSecondsText(_ nanoseconds: Int64) -> String {
    Timestamp.localISOText(nanoseconds: wholeSeconds(nanoseconds))
  }
}

/// The time without its fraction of a second. Nanoseconds since 1970.
func wholeSeconds(_ nanoseconds: Int64) -> Int64 {
  let remainder = nanoseconds % 1_000_000_000
  return nanoseconds - (remainder < 0 ? remainder + 1_000_000_000 : remainder)
}
