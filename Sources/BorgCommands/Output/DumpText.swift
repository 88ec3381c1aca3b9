import BorgFormat
import BorgSystem
import Glibc

/// Stored structures as the JSON of `borg debug` (json.md 2.3).
enum DumpText {
  /// Bytes that are UTF-8 become text; others, and those that begin with 7f, hex digits behind U+007F.
  static func value(_ value: MessagePackValue) -> JSONValue {
    switch value {
    case .null: .null
    case .bool(let value): .bool(value)
    case .int(let value): .int(value)
    case .uint(let value): .string(String(value))
    case .float(let value): .double(value)
    case .raw(let bytes): .string(text(bytes))
    case .array(let elements): .array(elements.map(Self.value))
    case .map(let entries): .object(entries.map { (key($0.key), Self.value($0.value)) })
    }
  }

  private static func key(_ key: MessagePackValue) -> String {
    if case .raw(let bytes) = key { return text(bytes) }
    return value(key).text()
  }

  private static func text(_ bytes: [UInt8]) -> String {
    if bytes.first != 0x7F, let text = String(validating: bytes, as: UTF8.self) { return text }
    return "\u{7f}" + Hex.encode(bytes)
  }

  /// Indented by four, each line by four more.
  static func indented(_ value: JSONValue) -> String {
    "    " + value.text(indent: "    ").split(separator: "\n").joined(separator: "\n    ")
  }

  /// Bytes as Python shows them.
  static func pythonBytes(_ bytes: [UInt8]) -> String {
    let quote: UInt8 = bytes.contains(0x27) && !bytes.contains(0x22) ? 0x22 : 0x27
    var text = ""
    for byte in bytes {
      switch byte {
      case quote, 0x5C: text += "\\" + String(UnicodeScalar(byte))
      case 0x09: text += "\\t"
      case 0x0A: text += "\\n"
      case 0x0D: text += "\\r"
      case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
      default: text += "\\x" + Hex.encode([byte])
      }
    }
    let mark = String(UnicodeScalar(quote))
    return "b" + mark + text + mark
  }
}

/// Where a dump goes: a file, or standard output for `-`.
struct DumpOutput {
  private let file: File?
  private let console: Console
  private var pending: [UInt8] = []

  init(_ path: [UInt8], _ console: Console) throws {
    file = path == [UInt8(ascii: "-")] ? nil : try File.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    self.console = console
  }

  mutating func write(_ text: String) throws {
    pending += Array(text.utf8)
    if pending.count > 1 << 20 { try flush() }
  }

  mutating func flush() throws {
    if let file { try file.write(pending) } else { console.write(pending) }
    pending.removeAll(keepingCapacity: true)
  }
}
