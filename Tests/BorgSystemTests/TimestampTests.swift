import BorgSystem
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    ("1970-01-01T00:00:00.000000", 0), ("2026-11-22T10:26:32.317755", 1_795_343_192_317_755_000),
    ("2000-02-29T23:59:59.000001", 951_868_799_000_001_000), ("1969-12-31T23:59:59.500000", -500_000_000),
  ])
  func `UTC text round-trips`(_ text: String, _ nanoseconds: Int64) {
    #expect(Timestamp.utcText(nanoseconds: nanoseconds) == text)
    #expect(Timestamp.parseUTC(text) == nanoseconds)
  }

  @Test(arguments: [
    "", "2026-13-01T00:00:00", "2026-02-29T00:00:00", "2026-01-01 00:00:00", "2026-01-01T24:00:00",
    "2026-01-01T00:00:00.", "2026-01-01T00:00:00.1234567", "2026-01-01T00:00:00Z",
    "2262-04-11T23:47:16.999999", "9999-12-31T23:59:59.999999",
  ])
  func `malformed times are refused`(_ text: String) {
    #expect(Timestamp.parseUTC(text) == nil)
  }

  @Test func `short fractions count as what they say`() {
    #expect(Timestamp.parseUTC("1970-01-01T00:00:01.5") == 1_500_000_000)
    #expect(Timestamp.parseUTC("1970-01-01T00:00:01") == 1_000_000_000)
  }

  @Test func `percent f is microseconds and an escaped percent stays`() {
    #expect(Timestamp.format(nanoseconds: 1_234_567_000, "%f %%f %S", utc: true) == "234567 %f 01")
  }
}
