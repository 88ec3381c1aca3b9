import BorgFormat
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct ReferenceCounterTests {
  private func stream() throws -> [UInt8] {
    try Fixtures.vectors("items")["items"].array.reduce(into: []) { stream, item in
      stream += try #require(Hex.decode(item["msgpack"].text))
    }
  }

  private func count(_ stream: [UInt8], width: Int) throws -> [String] {
    var index = HashIndex(valueWords: 3)
    var counter = ReferenceCounter()
    for start in stride(from: 0, to: stream.count, by: width) {
      try counter.feed(Array(stream[start..<min(start + width, stream.count)]), into: &index)
    }
    try counter.finish(into: &index)
    var lines: [String] = []
    index.forEach { id, value in lines.append("\(id.hex) \(value.0) \(value.1) \(value.2)") }
    return lines.sorted()
  }

  @Test(arguments: [1, 7, 100, 1000, 1 << 20])
  func `references are Borg's, wherever the stream is cut`(width: Int) throws {
    let expected = try Fixtures.vectors("caches")["cache_sync"]?["refs"].array.map { row in
      let numbers = row.array.dropFirst().map { String($0.integer ?? -1) }
      return "\(row.array[0].text) \(numbers.joined(separator: " "))"
    }
    #expect(try count(stream(), width: width) == expected?.sorted())
  }

  @Test func `Borg's synchroniser and ours refuse the same`() throws {
    for row in try Fixtures.vectors("caches")["cache_sync_errors"].array {
      let stream = try #require(Hex.decode(row["stream"].text))
      let result = row["result"].text
      guard result.hasPrefix("ok") else {
        if row["case"].text == "bin typed id" { continue }  // Read as bytes everywhere here.
        #expect(throws: FormatError.self, "\(row["case"].text)") { try count(stream, width: 1 << 20) }
        continue
      }
      #expect("ok, \(try count(stream, width: 1 << 20).count) refs" == result)
    }
  }
}
