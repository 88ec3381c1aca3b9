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
  public init(parsing text: String) throws { fatalError("contract: BorgFormat") }
  /// One line with `", "` and `": "`, or indented when `indent` is not nil (Python's rules: no trailing spaces,
  /// `","` at line ends); non-ASCII escaped as \uXXXX with surrogate pairs; doubles as Python's repr.
  public func text(indent: String? = nil, sortedKeys: Bool = false) -> String { fatalError("contract: BorgFormat") }
  public subscript(key: String) -> JSONValue? { fatalError("contract: BorgFormat") }
}
