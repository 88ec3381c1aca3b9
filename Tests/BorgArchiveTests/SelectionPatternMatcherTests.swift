import BorgArchive
import BorgFormat
import Testing

struct SelectionPatternMatcherTests {
  static func matcher(_ lines: [String], fallback: Bool = true) throws -> PatternMatcher {
    let matcher = PatternMatcher(fallback: fallback)
    for line in lines {
      guard
        case .pattern(let action, let pattern) = try PatternInstruction(
          parsing: Array(line.utf8), fallbackStyle: .sh)
      else { continue }
      matcher.add(action, pattern)
    }
    return matcher
  }

  static func decide(_ matcher: PatternMatcher, _ path: String) -> (isIncluded: Bool, recurses: Bool) {
    let decision = matcher.decide(Array(path.utf8))
    return (decision.isIncluded, decision.recurses)
  }

  @Test func `the first instruction that matches decides`() throws {
    let matcher = try Self.matcher(["+ex/tag/inner", "- ex/tag", "!ex/no"])
    #expect(Self.decide(matcher, "ex/tag/inner/x") == (true, true))
    #expect(Self.decide(matcher, "ex/tag") == (false, true))
    #expect(Self.decide(matcher, "/ex/tag/other") == (false, true))
    #expect(Self.decide(matcher, "ex/no/x") == (false, false))
    #expect(Self.decide(matcher, "ex") == (true, true))
  }

  @Test func `full paths decide before all others and the last of several counts`() throws {
    let matcher = try Self.matcher(["-ex", "+pf:ex/a", "!pf:ex/b", "+pf:/ex/b/"])
    #expect(Self.decide(matcher, "ex/a") == (true, true))
    #expect(Self.decide(matcher, "ex/a/x") == (false, true))
    #expect(Self.decide(matcher, "ex/b") == (true, true))
  }

  @Test func `a directory is passed over only when nothing in it can be included`() throws {
    func mayInclude(_ matcher: PatternMatcher, _ directory: String) -> Bool {
      Array(directory.utf8).withUnsafeBytes { matcher.mayInclude(in: $0) }
    }
    let paths = ["a", "a/b", "a/b/c", "a/bc", "b", "b/a", "b/a/b", "ab/c", "/a/b", "."]
    for lines in [
      ["+pp:a"], ["+pp:a/b/"], ["+pf:a/b"], ["+pp:b/a", "+pf:a"], ["-pp:a", "+pp:a/b"], ["+*b"], ["+pp:."],
    ] {
      let matcher = try Self.matcher(lines, fallback: false)
      for path in paths where Self.decide(matcher, path).isIncluded {
        let parent = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        #expect(mayInclude(matcher, parent), "\(lines) \(path)")
      }
    }
    let matcher = try Self.matcher(["+pp:a/b", "+pf:c/d/e"], fallback: false)
    #expect(["a", "a/b", "a/b/c", "c/d"].allSatisfy { mayInclude(matcher, $0) })
    #expect(!["", "a/bc", "b", "c", "c/d/e"].contains { mayInclude(matcher, $0) })
    #expect(try mayInclude(Self.matcher(["-pp:a"]), "a"))
  }

  @Test func `positional paths come last and make the rest excluded`() throws {
    let matcher = try Self.matcher(["!ex/no"])
    try matcher.addIncludePaths(["ex", "never", "pf:full"].map { Array($0.utf8) })
    #expect(Self.decide(matcher, "ex/no/x").isIncluded == false)
    #expect(Self.decide(matcher, "ex/yes").isIncluded)
    #expect(Self.decide(matcher, "full").isIncluded)
    #expect(Self.decide(matcher, "other") == (false, true))
    #expect(matcher.unmatchedIncludePaths == [Array("never".utf8)])
  }

  @Test func `no paths and no patterns include everything`() throws {
    let matcher = PatternMatcher(fallback: false)
    try matcher.addIncludePaths([])
    #expect(matcher.isEmpty && Self.decide(matcher, "x") == (true, true))
  }

  @Test(arguments: [
    ("", "A pattern/command must not be empty."),
    ("?x", "A pattern/command must start with any of: -, !, +, R, r, P, p"),
    ("+ \t", "A pattern/command must have a value part."),
    ("P xx", "Invalid pattern style: xx"),
  ])
  func `bad instructions are refused in Borg's words`(line: String, message: String) {
    let error = #expect(throws: ArchiveError.self) {
      try PatternInstruction(parsing: Array(line.utf8), fallbackStyle: .sh)
    }
    #expect(error == .badPattern(message))
  }

  @Test func `roots and styles are read`() throws {
    guard case .root(let root) = try PatternInstruction(parsing: Array("R  /a b".utf8), fallbackStyle: .sh),
      case .style(let style) = try PatternInstruction(parsing: Array("p re".utf8), fallbackStyle: .sh)
    else {
      Issue.record("wrong kind of instruction")
      return
    }
    #expect(root == Array("/a b".utf8) && style == .re)
  }

  @Test func `pattern files lose comments, empty lines and outer white space`() {
    let text = " # c\n\n  + a b \t\r\n\u{a0}- x # y\n#\n!z"
    let lines = PatternMatcher.lines(of: Array(text.utf8) + [0xff])
    #expect(lines == [Array("+ a b".utf8), Array("- x # y".utf8), Array("!z".utf8) + [0xff]])
  }
}
