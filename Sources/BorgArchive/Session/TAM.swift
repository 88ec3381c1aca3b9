import BorgFormat
import BorgObjects

/// Tertiary authentication: what binds manifests and archive metadata to the key (archives.md section 3).
enum TAM {
  enum Context: String {
    case manifest, archive

    var invalid: ArchiveError { self == .manifest ? .manifestTAMInvalid : .archiveTAMInvalid }
  }

  private static let suite = Array("HKDF_HMAC_SHA512".utf8)
  private static let length = 64

  /// True: verified. False: there is none that we know, and none is required.
  ///
  /// The MAC covers the bytes as they were received, its own 64 bytes zeroed where they first occur; nothing is
  /// encoded again, and nothing but the TAM itself is looked at before.
  static func verify(_ packed: [UInt8], key: Key, _ context: Context, required: Bool) throws -> Bool {
    if isUnchecked(key) { return false }
    guard let tam = try value(of: "tam", in: packed) else {
      guard required else { return false }
      guard context == .archive else { throw ArchiveError.manifestTAMRequired }
      let name: [UInt8] = if case .raw(let name) = try value(of: "name", in: packed) { name } else { [] }
      throw ArchiveError.archiveTAMRequired(name: name.isEmpty ? Array("<unknown>".utf8) : name)
    }
    guard case .map(let fields) = tam else { throw context.invalid }
    let type = raw("type", in: fields)
    guard type == suite else {
      guard required else { return false }
      let text = type.map { String(decoding: $0, as: UTF8.self) } ?? "<none>"
      throw ArchiveError.unsupportedTAMSuite(context: context.rawValue, suite: text)
    }
    guard let mac = raw("hmac", in: fields), let salt = raw("salt", in: fields), mac.count == length,
      let computed = compute(packed, zeroing: mac, key: key, salt: salt, context),
      Digest.constantTimeEqual(computed, mac)
    else { throw context.invalid }
    return true
  }

  /// Packs with a fresh TAM: `encode` is given the `tam` value and must return the whole packed map.
  static func seal(
    key: Key, _ context: Context, salt: [UInt8]? = nil, encode: (MessagePackValue) -> [UInt8]
  ) -> [UInt8] {
    let salt = salt ?? Digest.randomBytes(length)
    let tamKey = key.tamKey(salt: salt, context: context.rawValue)
    let unsigned = encode(pack(mac: [UInt8](repeating: 0, count: length), salt: salt))
    return encode(pack(mac: unsigned.withUnsafeBytes { Digest.hmacSHA512(key: tamKey, $0) }, salt: salt))
  }

  /// Under the workaround `authenticated_no_key` there is nothing to verify with.
  static func isUnchecked(_ key: Key) -> Bool {
    !key.checksAuthenticity
  }

  /// One value of a packed map, the last of several; the others are skipped. Throws `FormatError` for what is no map.
  private static func value(of key: StaticString, in packed: [UInt8]) throws -> MessagePackValue? {
    try packed.withUnsafeBytes { packed in
      var reader = MessagePackReader(packed)
      var value: MessagePackValue?
      do {
        for _ in 0..<(try reader.readMapHeader()) {
          let isWanted = try reader.readRaw().elementsEqual(
            UnsafeRawBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
          if isWanted { value = try reader.readValue() } else { try reader.skipValue() }
        }
      } catch {
        throw FormatError("The metadata is not a map.")
      }
      return value
    }
  }

  private static func compute(
    _ packed: [UInt8], zeroing mac: [UInt8], key: Key, salt: [UInt8], _ context: Context
  ) -> [UInt8]? {
    guard let start = firstIndex(of: mac, in: packed) else { return nil }
    var bytes = packed
    bytes.replaceSubrange(start..<start + length, with: repeatElement(0, count: length))
    let tamKey = key.tamKey(salt: salt, context: context.rawValue)
    return bytes.withUnsafeBytes { Digest.hmacSHA512(key: tamKey, $0) }
  }

  private static func firstIndex(of needle: [UInt8], in bytes: [UInt8]) -> Int? {
    guard let first = needle.first, bytes.count >= needle.count else { return nil }
    return bytes.withUnsafeBytes { bytes in
      needle.withUnsafeBytes { needle in
        (0...bytes.count - needle.count).first { start in
          bytes[start] == first && bytes[start..<start + needle.count].elementsEqual(needle)
        }
      }
    }
  }

  private static func raw(_ name: StaticString, in fields: [MessagePackValue.Entry]) -> [UInt8]? {
    let key = MessagePackValue.raw(name.withUTF8Buffer { Array($0) })
    guard let entry = fields.last(where: { $0.key == key }), case .raw(let bytes) = entry.value else { return nil }
    return bytes
  }

  private static func pack(mac: [UInt8], salt: [UInt8]) -> MessagePackValue {
    func entry(_ name: String, _ value: [UInt8]) -> MessagePackValue.Entry {
      .init(key: .raw(Array(name.utf8)), value: .raw(value))
    }
    return .map([entry("hmac", mac), entry("salt", salt), entry("type", suite)])
  }
}
