import BorgFormat
import Testing

/// What is expected here is what Python 3.11 prints.
@Suite struct FieldSpecTests {
  @Test(
    arguments: [
      ("", "root", "root"), ("6", "root", "root  "), (">6", "root", "  root"), ("^7", "root", " root  "),
      ("*^8", "root", "**root**"), (".2", "root", "ro"), ("06", "root", "root00"), ("<06", "ab", "ab0000"),
      ("6s", "root", "root  "), ("ä^5", "é", "ääéää"), ("<5.2", "üñî", "üñ   "), (">3", "€", "  €"),
    ])
  func `texts are padded and cut by characters`(spec: String, text: String, expected: String) throws {
    var output: [UInt8] = []
    try FieldSpec(forText: spec).append(text: Array(text.utf8), to: &output)
    #expect(String(decoding: output, as: UTF8.self) == expected)
  }

  @Test(
    arguments: [
      ("", 42, "42"), ("8", 42, "      42"), ("<8", 42, "42      "), ("08", -42, "-0000042"), ("+", 42, "+42"),
      (" ", 42, " 42"), (",", 1_234_567, "1,234,567"), ("_", 1_234_567, "1_234_567"), ("x", 255, "ff"),
      ("#x", 255, "0xff"), ("#010x", 255, "0x000000ff"), ("X", 255, "FF"), ("b", 5, "101"), ("o", 8, "10"),
      ("n", 1_234_567, "1234567"), ("=+8", 42, "+     42"), ("0,", 1_234_567, "1,234,567"),
      ("012,", 1_234_567, "0,001,234,567"), ("013,", 1_234_567, "0,001,234,567"),
      ("014,", 1_234_567, "00,001,234,567"), ("<08", 42, "42000000"), ("*=8", -42, "-*****42"),
      ("_x", 1_234_567, "12_d687"), ("0=10", -5, "-000000005"), ("-", -5, "-5"), (">+8,d", -1_234_567, "-1,234,567"),
      ("#_b", 300, "0b1_0010_1100"), ("^9", 42, "   42    "), ("d", Int.min, "-9223372036854775808"),
      ("f", 1234, "1234.000000"), (".2f", -5, "-5.00"), (".0f", 5, "5"), (",.1f", 1_234_567, "1,234,567.0"),
      ("e", 120_000, "1.200000e+05"), (".2e", 99_999, "1.00e+05"), (".0E", 25, "2E+01"), (".1e", 0, "0.0e+00"),
      ("g", 1_234_567, "1.23457e+06"), ("g", 123_456, "123456"), (".3G", 1000, "1E+03"), ("%", 3, "300.000000%"),
      (".1%", 12, "1200.0%"), ("010.2f", -5, "-000005.00"),
    ])
  func `integers are padded, signed and grouped`(spec: String, value: Int, expected: String) throws {
    var output: [UInt8] = []
    try FieldSpec(forInteger: spec).append(integer: Int64(value), to: &output)
    #expect(String(decoding: output, as: UTF8.self) == expected)
  }

  @Test(
    arguments: [
      ("=6", "'=' alignment not allowed in string format specifier"),
      ("+6", "Sign not allowed in string format specifier"), (" ", "Space not allowed in string format specifier"),
      ("#", "Alternate form (#) not allowed in string format specifier"), (",", "Cannot specify ',' with 's'."),
      ("d", "Unknown format code 'd' for object of type 'str'"), ("5.", "Format specifier missing precision"),
      ("99999999999999999999", "Too many decimal digits in format string"),
    ])
  func `what texts cannot have is refused`(spec: String, reason: String) {
    #expect(throws: FormatError(reason)) { try FieldSpec(forText: spec) }
  }

  @Test(
    arguments: [
      (".2", "Precision not allowed in integer format specifier"),
      ("s", "Unknown format code 's' for object of type 'int'"), (",x", "Cannot specify ',' with 'x'."),
    ])
  func `what integers cannot have is refused`(spec: String, reason: String) {
    #expect(throws: FormatError(reason)) { try FieldSpec(forInteger: spec) }
  }

  @Test func `bytes that are no text are one character each`() throws {
    var output: [UInt8] = []
    try FieldSpec(forText: "6").append(text: [0x61, 0xff, 0xe2, 0x82], to: &output)
    #expect(output == Array("a???  ".utf8))
    output.removeAll()
    try FieldSpec(forText: ">5.3").append(raw: [0x61, 0xff, 0xe2, 0x82], to: &output)
    #expect(output == [0x20, 0x20, 0x61, 0xff, 0xe2])
  }
}
