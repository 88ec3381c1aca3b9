import BorgArchive
import BorgFormat
import BorgSystem
import Testing

struct SelectionPlaceholdersTests {
  /// 2026-01-02 03:04:05.678901 UTC.
  static let now: Int64 = 1_767_323_045_678_901_000

  static func expand(_ text: String) throws -> String {
    let environment = Environment(variables: ["BORG_HOSTNAME": "höst", "BORG_USERNAME": "joe"])
    return displayText(try Placeholders(environment: environment, now: now).expand(Array(text.utf8)))
  }

  @Test(arguments: [
    ("plain", "plain"), ("{{x}}", "{x}"), ("{hostname}", "höst"), ("{user}", "joe"), ("{user:>5}|", "  joe|"),
    ("{user:*^6.2}|", "**jo**|"), ("{user:05}|", "joe00|"), ("{hostname:ö>6}", "ööhöst"),
    ("{utcnow}", "2026-01-02T03:04:05"), ("{utcnow:%Y-%m-%d %H.%f}", "2026-01-02 03.678901"), ("{utcnow:40}", "40"),
    ("{unixtime}", "1767323045"), ("{unixtime:,}", "1,767,323,045"), ("{unixtime:014d}", "00001767323045"),
    ("{unixtime:<+14}|", "+1767323045   |"), ("{unixtime:#x}", "0x695735a5"), ("{user:{user:.0}>5}|", "  joe|"),
    ("{borgversion} {borgmajor} {borgminor} {borgpatch}", "1.4.5 1 1.4 1.4.5"),
  ])
  func `placeholders have their values`(text: String, expanded: String) throws {
    #expect(try Self.expand(text) == expanded)
  }

  @Test func `a random UUID has its form`() throws {
    let uuid = Array(try Self.expand("{uuid4}").utf8)
    #expect(uuid.count == 36 && uuid[14] == UInt8(ascii: "4"))
    #expect(try Self.expand("{uuid4}") != Self.expand("{uuid4}"))
  }

  @Test(arguments: [
    ("{foo}", "foo"), ("{now!r}", "now"), ("{now.year}", "now.year"), ("{0}", "0"), ("a{pid[0]}", "pid[0]"),
  ])
  func `unknown placeholders are named`(text: String, name: String) {
    let error = #expect(throws: ArchiveError.self) { try Self.expand(text) }
    #expect(error == .invalidPlaceholder(name: name, text: text))
  }

  @Test(arguments: [
    ("{}", "Format string contains positional fields"),
    ("{user:d}", "Unknown format code 'd' for object of type 'str'"),
    ("{user:+}", "Sign not allowed in string format specifier"),
    ("{pid:.3}", "Precision not allowed in integer format specifier"),
    ("{pid:99999999}", "Too many decimal digits in format string"),
    ("{pid:s}", "Unknown format code 's' for object of type 'int'"),
  ])
  func `bad formats give Python's reason`(text: String, reason: String) {
    let error = #expect(throws: ArchiveError.self) { try Self.expand(text) }
    #expect(error == .placeholderFormat("\"\(text)\".format({...}): ValueError(\(reason))"))
  }

  @Test(arguments: ["{", "}", "{now", "a}b", "{user:{pid}", "{now!", "{now!rx}", "{a{b}"])
  func `unbalanced braces are a usage error`(text: String) {
    #expect(throws: FormatError.self) { try Self.expand(text) }
  }
}
