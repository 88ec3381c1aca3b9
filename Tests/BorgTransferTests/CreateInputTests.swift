import Testing

@testable import BorgTransfer

@Suite struct CreateInputTests {
  @Test(arguments: [1, 2, 3, 100])
  func `paths are cut at their delimiter however the reads fall`(_ pieceLength: Int) {
    let bytes = Array("one--two----three-four".utf8)
    var splitter = PathSplitter(delimiter: Array("--".utf8))
    var paths: [[UInt8]] = []
    var start = 0
    while start < bytes.count {
      let end = min(start + pieceLength, bytes.count)
      paths += splitter.feed(bytes[start..<end])
      start = end
    }
    if let rest = splitter.rest { paths.append(rest) }
    #expect(paths.map { String(decoding: $0, as: UTF8.self) } == ["one", "two", "", "three-four"])
  }

  @Test func `a delimiter at the end leaves no empty path`() {
    var splitter = PathSplitter(delimiter: [])
    #expect(splitter.feed(Array("a\nb\n".utf8)[...]).count == 2)
    #expect(splitter.rest == nil)
  }
}
