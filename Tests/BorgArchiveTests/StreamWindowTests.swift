import BorgFormat
import Testing

@testable import BorgArchive

@Suite struct StreamWindowTests {
  @Test func `bytes keep their place in the stream`() throws {
    var window = StreamWindow()
    let chunk: [UInt8] = Array(0..<100)
    try chunk.withUnsafeBytes { chunk in
      try window.append(chunk, number: 7, from: 90)
      try window.append(chunk, number: 8)
      try window.append(chunk, number: 9)
    }
    #expect(window.location(at: 0, length: 5) == ItemLocation(firstChunk: 7, offset: 90, length: 5))
    #expect(window.location(at: 10, length: 5) == ItemLocation(firstChunk: 8, offset: 0, length: 5))
    window.consume(30)
    #expect(window.bytes.count == 180)
    #expect(window.bytes.first == 20)
    #expect(window.location(at: 0, length: 1) == ItemLocation(firstChunk: 8, offset: 20, length: 1))
    #expect(window.location(at: 79, length: 1) == ItemLocation(firstChunk: 8, offset: 99, length: 1))
    #expect(window.location(at: 80, length: 1) == ItemLocation(firstChunk: 9, offset: 0, length: 1))
    window.consume(180)
    #expect(window.isEmpty)
  }
}
