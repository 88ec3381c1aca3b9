import BorgFormat
import BorgSystem
import Glibc

/// `{hostname}`, `{now:FMT}`, … in names, locations and comments (patterns-and-formats.md section 2).
public struct Placeholders: Sendable {
  private enum Value {
    case text(String)
    case integer(Int64)
    case time(utc: Bool)
  }

  private static let version = "1.4.5"

  private let environment: Environment
  private let now: Int64
  private let unixTime: Int64

  /// `now` overrides the clock (--timestamp), nanoseconds since 1970. `{unixtime}` does not follow it when `clock` is
  /// given, as in Borg.
  public init(environment: Environment, now: Int64, clock: Int64? = nil) {
    self.environment = environment
    self.now = now
    unixTime = (clock ?? now) / 1_000_000_000
  }

  /// Throws `ArchiveError.invalidPlaceholder` or `.placeholderFormat`, and `FormatError` for unbalanced braces, which
  /// are a usage error.
  public func expand(_ text: [UInt8]) throws -> [UInt8] {
    guard text.contains(where: { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "}") }) else { return text }
    let template = try FormatTemplate(parsing: text)
    for case .field(let name, let conversion, _) in template.pieces where !name.isEmpty {
      guard conversion == nil, value(name) != nil else {
        throw ArchiveError.invalidPlaceholder(name: displayText(name), text: displayText(text))
      }
    }
    do {
      return try template.text { name, spec in try format(name, spec) }
    } catch let error as FormatError {
      throw ArchiveError.placeholderFormat("\"\(displayText(text))\".format({...}): ValueError(\(error.description))")
    }
  }

  private func format(_ name: [UInt8], _ spec: [UInt8]) throws -> [UInt8] {
    switch value(name) {
    case nil: throw FormatError("Format string contains positional fields")
    case .text(let text):
      var output: [UInt8] = []
      try FieldSpec(forText: String(decoding: spec, as: UTF8.self)).append(raw: Array(text.utf8), to: &output)
      return output
    case .integer(let number):
      var output: [UInt8] = []
      try FieldSpec(forInteger: String(decoding: spec, as: UTF8.self)).append(integer: number, to: &output)
      return output
    case .time(let utc):
      let format = spec.isEmpty ? "%Y-%m-%dT%H:%M:%S" : String(decoding: spec, as: UTF8.self)
      return Array(Timestamp.format(nanoseconds: now, format, utc: utc).utf8)
    }
  }

  private func value(_ name: [UInt8]) -> Value? {
    switch String(decoding: name, as: UTF8.self) {
    case "pid": .integer(Int64(getpid()))
    case "fqdn": .text(environment.fullyQualifiedHostname)
    case "reverse-fqdn": .text(Self.reversed(environment.fullyQualifiedHostname))
    case "hostname": .text(environment.hostname)
    case "now": .time(utc: false)
    case "utcnow": .time(utc: true)
    case "unixtime": .integer(unixTime)
    case "user": .text(userName)
    case "uuid4": .text(Self.randomUUID())
    case "borgversion", "borgpatch": .text(Self.version)
    case "borgmajor": .text(Self.version.split(separator: ".").prefix(1).joined(separator: "."))
    case "borgminor": .text(Self.version.split(separator: ".").prefix(2).joined(separator: "."))
    default: nil
    }
  }

  private static func reversed(_ name: String) -> String {
    name.split(separator: ".", omittingEmptySubsequences: false).reversed().joined(separator: ".")
  }

  private var userName: String {
    environment.nonEmpty("BORG_USERNAME") ?? Users().userName(getuid()).map { displayText($0) } ?? String(getuid())
  }

  /// Version 4: random but for the six bits that say so.
  private static func randomUUID() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    let hex = Array(Hex.encode(bytes).utf8)
    let parts = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(decoding: hex[$0], as: UTF8.self) }
    return parts.joined(separator: "-")
  }
}
