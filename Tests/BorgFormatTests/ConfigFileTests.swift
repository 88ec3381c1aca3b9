import BorgFormat
import Testing

struct ConfigFileTests {
  static func config(_ text: String) throws -> ConfigFile { try ConfigFile(parsing: Array(text.utf8)) }

  @Test func `a repository config is written as Borg writes it`() {
    var config = ConfigFile()
    config["repository", "version"] = "1"
    config["repository", "ID"] = "00"
    config["repository", "key"] = "abc\ndef"
    config["other", "x"] = ""
    #expect(
      config.encoded()
        == Array("[repository]\nversion = 1\nid = 00\nkey = abc\n\tdef\n\n[other]\nx = \n\n".utf8))
  }

  /// Expected values by Python's configparser.
  @Test(arguments: [
    ("[a]\nB = c", "b", "c"),
    ("[a]\nb: c = d", "b", "c = d"),
    ("[a]\nb=c:d", "b", "c:d"),
    ("[a]\nb = c\n d\n\te", "b", "c\nd\ne"),
    ("[a]\nb = c\n\n d\n", "b", "c\n\nd"),
    ("[a]\nb = c\n# x\n d\n", "b", "c\nd"),
    ("[a]\nb = c\n  # x\n d\n", "b", "c\nd"),
    ("[a]\nb = c # x ; y", "b", "c # x ; y"),
    ("[a]\nb =\n c\n", "b", "\nc"),
    ("[a]\nb =\n\n", "b", ""),
    ("[a]\n  b = c\n  d = e\n", "d", "e"),
    ("[a]\n  b = c\n   d = e\n", "b", "c\nd = e"),
    ("[a]\n  b = c\nd = e\n", "d", "e"),
    ("[a]\r\nb = c\r\nd = e\r\n", "b", "c"),
    ("[a]\rb = c\r", "b", "c"),
    ("; x\n[a]\nb = %(x)s", "b", "%(x)s"),
    ("[DEFAULT]\nb = c\n[a]\n", "b", "c"),
    ("  [a]\n  b = c", "b", "c"),
    ("[a] trailing\nb = c", "b", "c"),
    ("[a]\n\u{a0}b\u{a0}=\u{2003}c\u{a0}", "b", "c"),
    ("[a]\nb = [x]", "b", "[x]"),
    ("[a]\nb = c\n [x]", "b", "c\n[x]"),
  ])
  func `values are what Python reads`(text: String, option: String, value: String) throws {
    #expect(try Self.config(text)["a", option] == value)
  }

  @Test(arguments: [
    "b = c", "[a]\nb = c\nB = d", "[a]\n[a]\n", "[a]\nb", "[a]\n= c", "[a]\n[]\n", "[a\nb = c", " b",
  ])
  func `what Python refuses throws`(text: String) {
    #expect(throws: FormatError.self) { try Self.config(text) }
  }

  @Test func `text that is not UTF-8 throws`() {
    #expect(throws: FormatError.self) { try ConfigFile(parsing: Array("[a]\nb = ".utf8) + [0xff]) }
  }

  @Test func `rewriting keeps what it does not know`() throws {
    var config = try Self.config("# gone\n[repository]\nid: 1\nkey = x\n  y\n[Other Section]\nFoo = bar\n")
    config["repository", "id"] = "2"
    config["repository", "KEY"] = nil
    #expect(config.encoded() == Array("[repository]\nid = 2\n\n[Other Section]\nfoo = bar\n\n".utf8))
    #expect(config.hasSection("Other Section") && !config.hasSection("other section"))
    #expect(config.options(in: "Other Section").map(\.name) == ["foo"])
  }
}
