import BorgSystem
import Testing

@testable import BorgCommands

@Suite struct LocalTimeTests {
  /// A zone whose clock goes from one hour ahead of UTC to two at 2021-03-28 01:00 UTC.
  private static let change: Int64 = 1_616_893_200
  private var zone: LocalTime { LocalTime { $0 < LocalTimeTests.change ? 3600 : 7200 } }

  @Test func `a day on which the clock changes shows both offsets`() {
    var time = zone
    #expect(text(Self.change - 1, &time) == "Sun, 2021-03-28 01:59:59")
    #expect(text(Self.change, &time) == "Sun, 2021-03-28 03:00:00")
    #expect(text(Self.change - 86_400 * 2, &time) == "Fri, 2021-03-26 02:00:00")
    #expect(text(Self.change + 86_400, &time) == "Mon, 2021-03-29 03:00:00")
  }

  @Test(
    arguments: [
      (1_580_702_706_123_456_500, "2020-02-03T04:05:06.123456"),
      (1_580_702_706_123_456_789, "2020-02-03T04:05:06.123457"),
      (1_580_702_706_999_999_900, "2020-02-03T04:05:07.000000"), (0, "1970-01-01T00:00:00.000000"),
      (-5, "1970-01-01T00:00:00.000000"), (Int64.max, "2038-01-17T03:14:07.000000"),
      (951_782_400_000_000_000, "2000-02-29T00:00:00.000000"),
    ] as [(Int64, String)])
  func `item times are clamped and rounded as Borg does`(nanoseconds: Int64, expected: String) {
    var time = LocalTime { _ in 0 }
    var output: [UInt8] = []
    LocalTime.append(iso: time.moment(itemTime: nanoseconds), to: &output)
    #expect(String(decoding: output, as: UTF8.self) == expected)
  }

  @Test func `archive times have no fraction`() {
    var time = LocalTime { _ in -3600 }
    #expect(time.moment(archiveTime: 7_200_999_999_999) == LocalTime.Moment(localSeconds: 3600, microseconds: 0))
    #expect(time.moment(archiveTime: -1) == LocalTime.Moment(localSeconds: -3601, microseconds: 0))
  }

  @Test func `dates agree with the system's, through leap years and months`() {
    var time = LocalTime { _ in 0 }
    for day in stride(from: Int64(0), through: 24_850, by: 1) {
      let seconds = day * 86_400 + day % 86_400
      #expect(
        text(seconds, &time)
          == Timestamp.format(nanoseconds: seconds * 1_000_000_000, "%a, %Y-%m-%d %H:%M:%S", utc: true))
    }
  }

  @Test(
    arguments: [
      ("", "Mon, 2020-02-03 04:05:06"), ("%Y%%f.%f", "2020%f.123457"), ("40", "40"), ("[%z%Z]", "[]"),
      ("%j %U ü", "034 05 ü"), ("%", "%"),
    ])
  func `time specifications are for strftime`(spec: String, expected: String) {
    var time = LocalTime { _ in 0 }
    var output: [UInt8] = []
    TimeFormat(spec).append(time.moment(itemTime: 1_580_702_706_123_456_789), &time, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == expected)
  }

  private func text(_ seconds: Int64, _ time: inout LocalTime) -> String {
    var output: [UInt8] = []
    time.append(time.moment(itemTime: seconds * 1_000_000_000), to: &output)
    return String(decoding: output, as: UTF8.self)
  }
}
