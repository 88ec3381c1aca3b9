/// Typed access to the fields of a decoded map; every error names the map and the field.
struct FieldMap {
  private let entries: [MessagePackValue.Entry]?
  private let name: String

  init(_ value: MessagePackValue, of name: String) {
    entries = value.mapEntries
    self.name = name
  }

  /// The last of several, as Python reads them; nil when absent. Throws when this is no map.
  subscript(key: String) -> MessagePackValue? {
    get throws {
      guard let entries else { throw FormatError("\(name): not a map") }
      let wanted = MessagePackValue.raw(Array(key.utf8))
      return entries.last { $0.key == wanted }?.value
    }
  }

  func raw(_ key: String) throws -> [UInt8] { try required(key, try optionalRaw(key)) }
  func int(_ key: String) throws -> Int64 { try required(key, try optionalInt(key)) }
  func array(_ key: String) throws -> [MessagePackValue] { try required(key, try optionalArray(key)) }

  func optionalRaw(_ key: String) throws -> [UInt8]? { try typed(key, \.rawValue) }
  func optionalInt(_ key: String) throws -> Int64? { try typed(key, \.intValue) }
  func optionalBool(_ key: String) throws -> Bool? { try typed(key, \.boolValue) }
  func optionalArray(_ key: String) throws -> [MessagePackValue]? { try typed(key, \.arrayValue) }
  func optionalMap(_ key: String) throws -> [MessagePackValue.Entry]? { try typed(key, \.mapEntries) }

  func optionalRawArray(_ key: String) throws -> [[UInt8]]? {
    try optionalArray(key)?.map { element in
      guard let raw = element.rawValue else { throw FormatError("\(name): \(key) holds something else than text") }
      return raw
    }
  }

  func rawArray(_ key: String) throws -> [[UInt8]] { try required(key, try optionalRawArray(key)) }

  /// Ids, each of 32 bytes.
  func idArray(_ key: String) throws -> [ChunkID] {
    try rawArray(key).map { raw in
      guard let id = ChunkID(raw) else { throw FormatError("\(name): \(key) holds an id of \(raw.count) bytes") }
      return id
    }
  }

  private func typed<Value>(_ key: String, _ convert: (MessagePackValue) -> Value?) throws -> Value? {
    guard let value = try self[key] else { return nil }
    guard let converted = convert(value) else { throw FormatError("\(name): \(key) has a wrong type") }
    return converted
  }

  private func required<Value>(_ key: String, _ value: Value?) throws -> Value {
    guard let value else { throw FormatError("\(name): \(key) is missing") }
    return value
  }
}
