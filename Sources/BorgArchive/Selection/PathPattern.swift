import BorgFormat
import Glibc

/// One compiled pattern, on bytes. Immutable and thread-safe.
public final class PathPattern: Sendable {
  enum Kind: Sendable {
    /// `pp`: literal, with a slash at its end unless empty.
    case prefix([UInt8])
    /// `pf`: literal.
    case full([UInt8])
    /// `fm` and `sh`.
    case glob(GlobAutomaton)
    case expression(RegularExpression)
  }

  /// As typed.
  public let text: [UInt8]
  let kind: Kind

  /// Parses `[SS:]PATTERN`. Throws `ArchiveError.plain`.
  public convenience init(parsing text: [UInt8], fallbackStyle: PatternStyle) throws {
    let (style, start) = try Self.style(of: text)
    try self.init(style ?? fallbackStyle, Array(text[start...]))
  }

  public init(_ style: PatternStyle, _ text: [UInt8]) throws {
    self.text = text
    switch style {
    case .pp: kind = .prefix(Self.relative(Self.withoutEnd(text) + [Self.slash]))
    case .pf: kind = .full(Self.relative(ArchivePath.normalized(text)))
    case .re: kind = .expression(try RegularExpression(python: text))
    case .fm: kind = .glob(try Self.glob(text, .fnmatch, below: "/*", strictlyBelow: "/*/"))
    case .sh: kind = .glob(try Self.glob(text, .shell, below: "/**/*", strictlyBelow: "/**/*/"))
    }
  }

  /// Whether `path`, without slashes at its ends, is matched. An expression that takes too long does not match and
  /// is remembered in `gaveUp`.
  public func matches(_ path: UnsafeRawBufferPointer) -> Bool {
    switch kind {
    case .prefix(let prefix): Self.isPrefix(prefix, of: path)
    case .full(let full): path.count == full.count && full.isSame(as: path, count: full.count)
    case .glob(let glob): glob.matches(path, appendingSlash: true)
    case .expression(let expression): expression.matches(path)
    }
  }

  /// Whether it may match anything that lies directly in a directory.
  func mayMatch(in directory: UnsafeRawBufferPointer) -> Bool {
    switch kind {
    case .prefix(let prefix): Self.isPrefix(prefix, of: directory) || Self.isParent(directory, of: prefix.dropLast())
    case .full(let full): Self.isParent(directory, of: full[...])
    case .glob, .expression: true
    }
  }

  /// Whether a path's last element lies in this directory.
  static func isParent(_ directory: UnsafeRawBufferPointer, of path: ArraySlice<UInt8>) -> Bool {
    let end = path.lastIndex(of: slash) ?? path.startIndex
    return path[..<end].elementsEqual(directory)
  }

  /// Whether a match was given up because the expression took too long.
  public var gaveUp: Bool {
    guard case .expression(let expression) = kind else { return false }
    return expression.gaveUp
  }
}

// MARK: - Preparation (1.1, 1.3)

extension PathPattern {
  private static let slash = UInt8(ascii: "/")

  /// The style that the text names, nil when none, and where the pattern begins. A name is two alphanumeric
  /// characters before a colon.
  private static func style(of text: [UInt8]) throws -> (PatternStyle?, start: Int) {
    try text.withUnsafeBytes { bytes in
      var start = 0
      for _ in 0..<2 {
        guard start < bytes.count, isAlphanumeric(UTF8Sequence.next(bytes, at: &start)) else { return (nil, 0) }
      }
      guard start < bytes.count, bytes[start] == UInt8(ascii: ":") else { return (nil, 0) }
      let name = String(decoding: bytes[..<start], as: UTF8.self)
      guard let style = PatternStyle(rawValue: name) else { throw ArchiveError.plain("Unknown pattern style: \(name)") }
      return (style, start + 1)
    }
  }

  private static func isAlphanumeric(_ character: UInt32) -> Bool {
    guard let properties = Unicode.Scalar(character)?.properties else { return false }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
    default: return properties.numericType != nil
    }
  }

  /// The pattern for the object itself and all below it, or with a slash at its end for what is below it only.
  private static func glob(
    _ text: [UInt8], _ dialect: GlobDialect, below: StaticString, strictlyBelow: StaticString
  ) throws -> GlobAutomaton {
    let suffix = text.last == slash ? strictlyBelow : below
    let start = text.last == slash ? withoutEnd(text) : ArchivePath.normalized(text)
    let whole = start + UnsafeBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount)
    return try GlobAutomaton(relative(whole), dialect)
  }

  private static func withoutEnd(_ text: [UInt8]) -> [UInt8] {
    var path = ArchivePath.normalized(text)
    while path.last == slash { path.removeLast() }
    return path
  }

  private static func relative(_ path: [UInt8]) -> [UInt8] { Array(path.drop { $0 == slash }) }

  /// `prefix` ends in a slash, and so does the path in thought.
  private static func isPrefix(_ prefix: [UInt8], of path: UnsafeRawBufferPointer) -> Bool {
    let count = min(prefix.count, path.count)
    return prefix.count <= path.count + 1 && prefix.isSame(as: path, count: count)
  }
}

extension [UInt8] {
  /// Whether the first `count` bytes of both are the same; both have as many.
  func isSame(as other: UnsafeRawBufferPointer, count: Int) -> Bool {
    guard count > 0, let other = other.baseAddress else { return count == 0 }
    return withUnsafeBytes { bytes in
      guard let base = bytes.baseAddress else { return false }
      return memcmp(base, other, count) == 0
    }
  }
}
