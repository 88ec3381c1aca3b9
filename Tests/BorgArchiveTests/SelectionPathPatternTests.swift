import BorgArchive
import BorgFormat
import BorgTesting
import Testing

struct SelectionPathPatternTests {
  /// What Borg 1.4.5 says of a pattern and a path; nil: the pattern is refused.
  struct Match: CustomStringConvertible {
    var style: String
    var pattern: [UInt8]
    var path: [UInt8]
    var expected: Bool?
    var description: String { "\(style):\(displayText(pattern)) on \(displayText(path))" }
  }

  static func matches() throws -> [Match] {
    let text = String(decoding: try Fixtures.bytes("patterns/matches.json"), as: UTF8.self)
    return try #require(try JSONValue(parsing: text).arrayValue?.compactMap(\.arrayValue)).map { row in
      /// Bytes are written as the characters with their numbers.
      func bytes(_ value: JSONValue) -> [UInt8] {
        (value.stringValue ?? "").unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
      }
      return Match(
        style: try #require(row[0].stringValue), pattern: bytes(row[1]), path: bytes(row[2]),
        expected: row[3].boolValue)
    }
  }

  static func matches(_ style: PatternStyle, _ pattern: [UInt8], _ path: [UInt8]) throws -> Bool {
    let pattern = try PathPattern(style, pattern)
    return path.withUnsafeBytes { pattern.matches($0) }
  }

  @Test func `patterns match what Borg's match`() throws {
    for match in try Self.matches() {
      guard let style = PatternStyle(rawValue: match.style) else {
        #expect(try archiveName(match.path, matchesGlob: match.pattern) == match.expected, "\(match)")
        continue
      }
      if let expected = match.expected {
        #expect(try Self.matches(style, match.pattern, match.path) == expected, "\(match)")
      } else {
        #expect(throws: ArchiveError.self, "\(match)") { try PathPattern(style, match.pattern) }
      }
    }
  }

  static let truthPaths = ["home", "home/u", "home/u/.cache", "home/u/.cache/x", "homex", "a/home/u", "."]

  @Test(arguments: [
    ("fm:home", "1111000"), ("fm:/home", "1111000"), ("fm:./home", "1111000"), ("fm:home/", "0111000"),
    ("fm:home/*", "0111000"), ("fm:*/.cache", "0011000"), ("fm:*.cache", "0011000"), ("fm:home/u/.cache/", "0001000"),
    ("fm:*", "1111111"), ("fm:/", "1111111"), ("fm:**/u", "0111010"), ("fm:home/u/**", "0011000"),
    ("sh:home", "1111000"), ("sh:home/", "0111000"), ("sh:home/*", "0111000"), ("sh:*/.cache", "0000000"),
    ("sh:*.cache", "0000000"), ("sh:**/.cache", "0011000"), ("sh:**/.cache/", "0001000"), ("sh:home/**", "1111000"),
    ("sh:home/**/", "0111000"), ("sh:home/**/*", "0111000"), ("sh:hom**", "1111100"), ("sh:home/**.cache", "0000000"),
    ("sh:**", "1111111"), ("sh:*", "1111111"), ("sh:/", "1111111"), ("pp:home", "1111000"), ("pp:/home/", "1111000"),
    ("pp:/", "1111111"), ("pp:.", "0000001"), ("pp:", "0000001"), ("pp:hom", "0000000"), ("pf:home", "1000000"),
    ("pf:home/", "1000000"), ("re:home", "1111110"), ("re:^home/[^/]+$", "0100000"), ("re:^/home", "0000000"),
    ("re:", "1111111"),
  ])
  func `the truth table holds`(pattern: String, expected: String) throws {
    let pattern = try PathPattern(parsing: Array(pattern.utf8), fallbackStyle: .re)
    let found = Self.truthPaths.map { path in Array(path.utf8).withUnsafeBytes { pattern.matches($0) } ? "1" : "0" }
    #expect(found.joined() == expected)
  }

  @Test func `long patterns match like short ones`() throws {
    let stars = Array(String(repeating: "*a", count: 100).utf8)
    let path = [UInt8](repeating: UInt8(ascii: "a"), count: 100)
    #expect(try Self.matches(.fm, stars, path))
    #expect(try !Self.matches(.fm, stars, Array(path.dropLast())))
    let levels = Array(("**/" + String(repeating: "x?/", count: 60) + "**/y").utf8)
    let deep = "u/v/" + String(repeating: "xö/", count: 60)
    #expect(try Self.matches(.sh, levels, Array((deep + "w/y/z").utf8)))
    #expect(try !Self.matches(.sh, levels, Array((deep + "w/yz").utf8)))
  }

  @Test func `a match takes time in proportion to the path`() throws {
    let pattern = Array(String(repeating: "*a", count: 40).utf8) + [UInt8(ascii: "b")]
    let path = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000)
    #expect(try !Self.matches(.sh, pattern, path))
  }

  @Test func `an expression that takes too long does not match and says so`() throws {
    let pattern = try PathPattern(.re, Array("^(a+)+$".utf8))
    let path = [UInt8](repeating: UInt8(ascii: "a"), count: 2000) + Array("ba".utf8)
    #expect(!path.withUnsafeBytes { pattern.matches($0) })
    #expect(pattern.gaveUp)
  }

  @Test(arguments: ["x:y", "..:y", "abc:y", "fm:fm:x", "f", "fm"])
  func `other words before a colon are part of the pattern`(text: String) {
    #expect(throws: Never.self) { try PathPattern(parsing: Array(text.utf8), fallbackStyle: .sh) }
  }

  @Test(arguments: ["öö:y", "a1:b", "FM:a", "xx:"])
  func `an unknown style of two alphanumeric characters is refused`(text: String) {
    let error = #expect(throws: ArchiveError.self) { try PathPattern(parsing: Array(text.utf8), fallbackStyle: .fm) }
    #expect(error == .plain("Unknown pattern style: \(text.prefix(2))"))
  }
}
