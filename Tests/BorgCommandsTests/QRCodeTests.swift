import Testing

@testable import BorgCommands

/// QR codes, module by module.
struct QRCodeTests {
  /// Made by another encoder (segno 1.6): byte mode, level M, version 1, mask 2.
  @Test func `a small code is the standard's`() throws {
    let code = try #require(QRCode(Array("BORG_KEY 01234".utf8), mask: 2))
    let rows = (0..<code.size).map { row in
      (0..<code.size).map { code[$0, row] ? "#" : "." }.joined()
    }
    #expect(rows == expected)
  }

  @Test func `the largest code holds 2331 bytes`() throws {
    #expect(try #require(QRCode([UInt8](repeating: 0x61, count: 2331))).size == 177)
    #expect(QRCode([UInt8](repeating: 0x61, count: 2332)) == nil)
    #expect(try #require(QRCode([])).size == 21)
  }

  private let expected = [
    "#######...#...#######",
    "#.....#....##.#.....#",
    "#.###.#.#..#..#.###.#",
    "#.###.#.#.##..#.###.#",
    "#.###.#.##..#.#.###.#",
    "#.....#.##..#.#.....#",
    "#######.#.#.#.#######",
    "........#...#........",
    "#.#####..####.#####..",
    "#...##...#.#..#..#...",
    ".###..####..##...#.#.",
    ".##..#..##.#.....##.#",
    "####.##.....#.#..##..",
    "........#.##...#..#..",
    "#######..##.#......#.",
    "#.....#.###.....###.#",
    "#.###.#.##..#####.###",
    "#.###.#.####...#.##..",
    "#.###.#.##..#....#...",
    "#.....#..#.##...###..",
    "#######.##..###.####.",
  ]
}
