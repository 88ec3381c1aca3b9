import BorgFormat
import BorgTesting
import Testing

@testable import BorgObjects

/// What the vector files are made of.
extension JSONValue {
  var text: String {
    guard case .string(let text) = self else { preconditionFailure("not a string: \(self)") }
    return text
  }
  var optionalText: String? { if case .string(let text) = self { text } else { nil } }
  var int: Int {
    guard case .int(let value) = self else { preconditionFailure("not an integer: \(self)") }
    return Int(value)
  }
  var double: Double {
    switch self {
    case .int(let value): Double(value)
    case .double(let value): value
    default: preconditionFailure("not a number: \(self)")
    }
  }
  var bool: Bool { self == .bool(true) }
  var array: [JSONValue] {
    guard case .array(let values) = self else { preconditionFailure("not an array: \(self)") }
    return values
  }
  var hex: [UInt8] {
    guard let bytes = Hex.decode(text) else { preconditionFailure("not hex: \(text)") }
    return bytes
  }
  func get(_ key: String) -> JSONValue {
    guard let value = self[key] else { preconditionFailure("no \(key)") }
    return value
  }
  func values(_ key: String) -> [JSONValue] { get(key).array }
}

/// The inputs that the vectors name.
enum Inputs {
  /// SHA-256(label || big-endian counter) for 0, 1, 2 …, cut to `count` bytes.
  static func counted(_ label: String, _ count: Int) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(count + 32)
    var message = Array(label.utf8) + [UInt8](repeating: 0, count: 8)
    let start = message.count - 8
    for counter in 0..<UInt64((count + 31) / 32) {
      for index in 0..<8 { message[start + index] = UInt8(truncatingIfNeeded: counter >> UInt64(56 - 8 * index)) }
      output += message.withUnsafeBytes { Digest.sha256($0) }
    }
    output.removeLast(output.count - count)
    return output
  }

  static func concatenated(_ parts: [JSONValue]) -> [UInt8] {
    parts.reduce(into: []) { $0 += part($1) }
  }

  private static func part(_ part: JSONValue) -> [UInt8] {
    let count = part.get("len").int
    switch part.get("kind").text {
    case "sha256ctr": return counted(part.get("label").text, count)
    case "zeros": return [UInt8](repeating: 0, count: count)
    case "byte": return [UInt8](repeating: UInt8(part.get("value").int), count: count)
    case "period":
      let period = counted(part.get("label").text, part.get("period").int)
      var output: [UInt8] = []
      while output.count < count { output += period.prefix(count - output.count) }
      return output
    case let kind: preconditionFailure("unknown input \(kind)")
    }
  }

  static func named(_ name: String) -> [UInt8] {
    switch name {
    case "empty": []
    case "hello": Array("hello world\n".utf8)
    case "zeros65536": [UInt8](repeating: 0, count: 65536)
    case "zeros5000": [UInt8](repeating: 0, count: 5000)
    case "ctr1000": counted("data", 1000)
    case "ctr300": counted("rnd", 300)
    case "half700": counted("half", 600) + [UInt8](repeating: 0, count: 100)
    case "text1800":
      [[UInt8]](repeating: Array("The quick brown fox jumps over the lazy dog. ".utf8), count: 40).flatMap { $0 }
    default: preconditionFailure("unknown data \(name)")
    }
  }
}

extension Key {
  /// The key that the envelope and TAM vectors use for a mode.
  static func ofVectors(_ mode: String) throws -> Key {
    let type = try #require(KeyType(modeName: mode))
    guard type != .plaintext else { return try Key(type: type, secrets: nil, tamRequired: false) }
    let keys = try Fixtures.vectors("envelopes").get("keys").get(mode)
    #expect(keys.get("type_byte").int == Int(type.rawValue))
    let secrets = KeyBlob.Secrets(
      repositoryID: [], encryptionKey: keys.get("enc_key").hex, envelopeMACKey: keys.get("enc_hmac_key").hex,
      idKey: keys.get("id_key").hex, chunkSeed: 0, tamRequired: true)
    return try Key(type: type, secrets: secrets, tamRequired: true)
  }
}
