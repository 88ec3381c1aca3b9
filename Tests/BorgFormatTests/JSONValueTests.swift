import BorgFormat
import Testing

struct JSONValueTests {
  @Test(arguments: [
    (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (0.1, "0.1"), (1e15, "1000000000000000.0"),
    (1e16, "1e+16"), (9007199254740993.0, "9007199254740992.0"), (1.5e16, "1.5e+16"), (1e22, "1e+22"),
    (123456789012345680.0, "1.2345678901234568e+17"), (0.0001, "0.0001"), (0.00001, "1e-05"), (2.52e-05, "2.52e-05"),
    (1e100, "1e+100"), (Double.leastNonzeroMagnitude, "5e-324"), (1.7976931348623157e308, "1.7976931348623157e+308"),
    (1795344340.88, "1795344340.88"), (-12.5, "-12.5"), (.infinity, "Infinity"), (-.infinity, "-Infinity"),
    (.nan, "NaN"),
  ])
  func `floats read as Python writes them`(value: Double, text: String) {
    #expect(JSONValue.double(value).text() == text)
  }

  @Test func `strings are escaped as Python escapes them`() {
    let text = JSONValue.string("a\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}ö😀/").text()
    #expect(text == #""a\"\\\n\r\t\b\f\u0001\u007f\u00f6\ud83d\ude00/""#)
  }

  @Test func `documents are laid out as Python lays them out`() {
    let value = JSONValue.object([
      ("b", .array([.int(1), .object([]), .array([])])), ("a", .object([("x", .null), ("y", .bool(true))])),
    ])
    #expect(value.text() == #"{"b": [1, {}, []], "a": {"x": null, "y": true}}"#)
    #expect(
      value.text(indent: "    ", sortedKeys: true) == """
        {
            "a": {
                "x": null,
                "y": true
            },
            "b": [
                1,
                {},
                []
            ]
        }
        """)
    #expect(JSONValue.array([.int(1)]).text(indent: "") == "[\n1\n]")
  }

  @Test(arguments: [
    (
      #" {"a" : [1, -2.5e3, "x\u00f6\ud83d\ude00", true, null] } "#,
      #"{"a": [1, -2500.0, "x\u00f6\ud83d\ude00", true, null]}"#
    ),
    ("[]", "[]"), ("-0", "0"), ("9223372036854775808", "9.223372036854776e+18"), ("NaN", "NaN"),
    (#""\ud83dx""#, #""\ufffdx""#), (#"{"a": 1, "a": 2}"#, #"{"a": 1, "a": 2}"#),
  ])
  func `documents are parsed`(text: String, written: String) throws {
    #expect(try JSONValue(parsing: text).text() == written)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "{1: 2}", "01", "1.", ".5", "+1", "1e", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\n\"",
    "[1] 2",
    "nul", "'a'", "[1 2]", "-",
  ])
  func `what is no document throws`(text: String) {
    #expect(throws: FormatError.self) { try JSONValue(parsing: text) }
  }

  @Test func `deep nesting is refused`() {
    #expect(throws: FormatError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
  }
}
