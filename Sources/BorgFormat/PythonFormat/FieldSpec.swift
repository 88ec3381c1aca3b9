/// How wide and how aligned a field is: `[[fill]align][sign][#][0][width][grouping][.precision][type]`, as Python has it.
public struct FieldSpec: Sendable, Equatable {
  enum Alignment: UInt8, Sendable {
    case left = 0x3c
    case right = 0x3e
    case center = 0x5e
    case afterSign = 0x3d
  }

  private(set) var fill: UnicodeScalar = " "
  private(set) var alignment: Alignment?
  private(set) var sign: UInt8?
  private(set) var isAlternate = false
  /// A zero stands before the width and no fill was given: numbers are filled up after their sign.
  private(set) var hasZero = false
  private(set) var width = 0
  private(set) var grouping: UInt8?
  private(set) var precision: Int?
  private(set) var type: UInt8?

  /// Nothing to do but to print the value.
  public static let plain = FieldSpec()
  private init() {}

  /// Throws `FormatError` in Python's words for specifications that texts cannot have.
  public init(forText spec: String) throws {
    try self.init(spec)
    if let type, type != UInt8(ascii: "s") { throw Self.unknown(type, "str") }
    if let sign {
      let name = sign == UInt8(ascii: " ") ? "Space" : "Sign"
      throw FormatError("\(name) not allowed in string format specifier")
    }
    if isAlternate { throw FormatError("Alternate form (#) not allowed in string format specifier") }
    if alignment == .afterSign {
      throw FormatError("'=' alignment not allowed in string format specifier")
    }
    if let grouping { throw FormatError("Cannot specify '\(Self.character(grouping))' with 's'.") }
  }

  /// Throws `FormatError` in Python's words for specifications that integers cannot have.
  public init(forInteger spec: String) throws {
    try self.init(spec)
    let type = self.type ?? UInt8(ascii: "d")
    guard "dnboxXeEfFgG%".utf8.contains(type) else { throw Self.unknown(type, "int") }
    if precision != nil, !isFloat { throw FormatError("Precision not allowed in integer format specifier") }
    guard let grouping else { return }
    if type == UInt8(ascii: "n") || grouping == UInt8(ascii: ",") && type != UInt8(ascii: "d") && !isFloat {
      throw FormatError("Cannot specify '\(Self.character(grouping))' with '\(Self.character(type))'.")
    }
  }

  private init(_ spec: String) throws {
    self.init()
    var reader = SpecReader(rest: spec.unicodeScalars[...])
    let given = reader.alignment()
    alignment = given?.alignment
    if let fill = given?.fill { self.fill = fill }
    sign = reader.one(of: "+- ")
    isAlternate = reader.one(of: "#") != nil
    if given?.fill == nil, reader.one(of: "0") != nil {
      hasZero = true
      fill = "0"
    }
    width = try reader.number() ?? 0
    grouping = reader.one(of: ",_")
    if reader.one(of: ".") != nil {
      guard let digits = try reader.number() else {
        throw FormatError("Format specifier missing precision")
      }
      precision = digits
    }
    type = reader.letter()
    guard reader.rest.isEmpty else { throw FormatError("Invalid format specifier '\(spec)'") }
  }

  private static func unknown(_ type: UInt8, _ kind: String) -> any Error {
    FormatError("Unknown format code '\(character(type))' for object of type '\(kind)'")
  }

  private static func character(_ byte: UInt8) -> Character { Character(UnicodeScalar(byte)) }
}

/// Takes a specification's parts off one after another.
private struct SpecReader {
  var rest: Substring.UnicodeScalarView

  mutating func alignment() -> (fill: UnicodeScalar?, alignment: FieldSpec.Alignment)? {
    if let fill = rest.first, let found = Self.alignment(rest.dropFirst().first) {
      rest = rest.dropFirst(2)
      return (fill, found)
    }
    guard let found = Self.alignment(rest.first) else { return nil }
    rest = rest.dropFirst()
    return (nil, found)
  }

  mutating func one(of characters: String) -> UInt8? {
    guard let first = rest.first, characters.unicodeScalars.contains(first) else { return nil }
    rest = rest.dropFirst()
    return UInt8(ascii: first)
  }

  mutating func letter() -> UInt8? {
    guard let first = rest.first, first.isASCII else { return nil }
    rest = rest.dropFirst()
    return UInt8(ascii: first)
  }

  /// Nobody wants more columns or digits; it keeps a specification from taking all memory.
  private static let maximum = 1_000_000

  mutating func number() throws -> Int? {
    var value: Int?
    while let first = rest.first, ("0"..."9").contains(first) {
      let next = (value ?? 0) * 10 + Int(first.value) - 0x30
      guard next <= Self.maximum else { throw FormatError("Too many decimal digits in format string") }
      value = next
      rest = rest.dropFirst()
    }
    return value
  }

  private static func alignment(_ scalar: UnicodeScalar?) -> FieldSpec.Alignment? {
    scalar.flatMap { $0.isASCII ? FieldSpec.Alignment(rawValue: UInt8($0.value)) : nil }
  }
}
