import Testing

@testable import BorgCommands

struct PaceTests {
  private static let second: Int64 = 1_000_000_000

  @Test func `rate and time left follow from what was done`() throws {
    var pace = Pace()
    for time in 0...4 { pace.note(Int64(time) * 100, at: Int64(time) * Self.second) }
    #expect(pace.rate(400, at: 4 * Self.second) == 100)
    #expect(pace.secondsLeft(400, of: 1000, at: 4 * Self.second) == 6)
  }

  @Test func `nothing is guessed at the start, or without a total that can be reached`() {
    var pace = Pace()
    pace.note(0, at: 0)
    pace.note(50, at: Self.second / 2)
    #expect(pace.rate(50, at: Self.second / 2) == nil)
    #expect(pace.secondsLeft(50, of: 100, at: Self.second / 2) == nil)
    #expect(pace.secondsLeft(0, of: 100, at: 9 * Self.second) == nil)
    #expect(pace.secondsLeft(200, of: 100, at: 9 * Self.second) == nil)
  }

  @Test func `a rate forgets what was long ago`() throws {
    var pace = Pace()
    for time in 0...30 { pace.note(time < 10 ? 0 : Int64(time - 10) * 10, at: Int64(time) * Self.second) }
    let rate = try #require(pace.rate(200, at: 30 * Self.second))
    #expect((9...11).contains(rate))
  }

  @Test(arguments: [(7, "0:07"), (750, "12:30"), (11100, "3:05:00"), (187_200, "2 d 4 h")] as [(Int64, String)])
  func `times are short`(seconds: Int64, text: String) {
    #expect(Pace.text(seconds: seconds) == text)
  }
}
