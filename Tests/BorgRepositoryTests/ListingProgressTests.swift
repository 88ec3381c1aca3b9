import BorgFormat
import Testing

@testable import BorgRepository

struct ListingProgressTests {
  private func id(_ number: Int) -> ChunkID { ChunkID(words: (UInt64(number), 1, 2, 3)) }

  @Test func `a listing goes on as long as there are new ids`() throws {
    var listing = ListingProgress()
    #expect(listing.marker == nil)
    for number in 0..<1000 {
      try listing.advance(to: id(number))
      #expect(listing.marker == id(number))
    }
  }

  @Test(arguments: [1, 2, 3, 7, 100], [0, 5]) func `a listing that goes round in circles is left`(
    length: Int, before: Int
  ) throws {
    var listing = ListingProgress()
    for number in 0..<before { try listing.advance(to: id(1000 + number)) }
    var pages = 0
    #expect(throws: RemoteError.repeatedList("list")) {
      while pages < 10_000 {
        try listing.advance(to: id(pages % length))
        pages += 1
      }
    }
    #expect(pages < 4 * (length + before) + 4)
  }
}
