/// JSON as Python's json module reads and writes it.
public indirect enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  /// Keeps its order; `sortedKeys` sorts when writing.
  case object([(key: String, value: JSONValue)])

  public static func == (a: JSONValue, b: JSONValue) -> Bool { a.text() == b.text() }

  /// Strict parse of one document, depth bounded. Throws `FormatError`.
  public init(parsing text: String) throws {
    var text = text
    self = try text.withUTF8 { buffer in
      var parser = JSONParser(UnsafeRawBufferPointer(buffer))
      return try parser.document()
    }
  }

  /// One line with `", "` and `": "`, or indented when `indent` is not nil (Python's rules: no trailing spaces,
  /// `","` at line ends); non-ASCII escaped as \uXXXX with surrogate pairs; doubles as Python's repr.
  public func text(indent: String? = nil, sortedKeys: Bool = false) -> String {
    var writer = JSONWriter(indent: indent, sortedKeys: sortedKeys)
    writer.write(self, depth: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The value of `key` when this is an object that has it; the last of several, as Python reads them.
  public subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  public var stringValue: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  public var intValue: Int64? {
    guard case .int(let value) = self else { return nil }
    return value
  }

  public var boolValue: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  public var arrayValue: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  public var members: [(key: String, value: JSONValue)]? {
    guard case .object(let members) = self else { return nil }
    return members
  }
}
