import BorgFormat
import BorgObjects
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct ItemStreamTests {
  @Test(arguments: [1, 3, 50, 333, 4096, 100_000])
  func `items come back whole wherever the stream was cut`(chunkLength: Int) throws {
    let items = SyntheticArchive.items(chunkLength < 50 ? 60 : 900)
    let made = try SyntheticArchive(items: items, chunkLength: chunkLength)
    #expect(try made.readItems() == items)
    let found = try made.scan()
    #expect(found.map(\.path) == items.map(\.path))
    let reader = ChunkReader(repository: made.session.repository, codec: made.session.codec, cacheBytes: 1 << 20)
    for (item, place) in zip(items, found) {
      #expect(try ItemScanner.item(in: made.archive, at: place.location, reader: reader) == item)
    }
    #expect(made.monitor.records.filter { $0.level > .debug }.isEmpty)
  }

  @Test func `cuts of every kind give the same items`() throws {
    let items = SyntheticArchive.items(400)
    let stream = SyntheticArchive.stream(items)
    for seed in 1...12 as ClosedRange<UInt64> {
      var state = seed
      let made = try SyntheticArchive(stream: stream) { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return 1 + Int(state >> 33) % (Int(seed) * 300)
      }
      #expect(try made.readItems() == items)
      #expect(try made.scan().map(\.path) == items.map(\.path))
    }
  }

  @Test func `an item of many chunks is put together`() throws {
    var items = SyntheticArchive.items(20)
    items[10].chunks = (0..<40_000).map { number in
      ChunkListEntry(id: ChunkID(words: (UInt64(number) &* 0x9e37_79b9_7f4a_7c15, 3, 2, 1)), size: 1, storedSize: 1)
    }
    items[10].size = 40_000
    let made = try SyntheticArchive(items: items, chunkLength: 20_000)
    #expect(try made.readItems() == items)
    #expect(try made.scan().map(\.path) == items.map(\.path))
  }

  @Test func `an empty archive has no items`() throws {
    let made = try SyntheticArchive(items: [], chunkLength: 10)
    #expect(try made.readItems().isEmpty)
    #expect(try made.scan().isEmpty)
  }

  @Test(arguments: [40, 5000])
  func `what is msgpack but no item is reported and left out`(chunkLength: Int) throws {
    let items = SyntheticArchive.items(20)
    let stray = MessagePackValue.map([.init(key: .raw(Array("mode".utf8)), value: .raw(Array("x".utf8)))]).encoded()
    let stream = SyntheticArchive.stream(Array(items[..<9])) + stray + SyntheticArchive.stream(Array(items[9...]))
    let made = try SyntheticArchive(stream: stream) { _ in chunkLength }
    #expect(try made.readItems() == items)
    #expect(try made.scan().map(\.path) == items.map(\.path))
    let records = made.monitor.records.filter { $0.level > .debug }
    #expect(records.count == 2)
    for record in records {
      #expect(record.level == .error)
      #expect(record.warningCode == 1)
      #expect(record.message.hasPrefix("Archive made: "))
    }
  }

  @Test(arguments: [40, 5000])
  func `bytes that are no msgpack end the stream with an error, after the items before`(chunkLength: Int) throws {
    let items = SyntheticArchive.items(20)
    let stream = SyntheticArchive.stream(Array(items[..<9])) + [0xc1, 0xc1] + SyntheticArchive.stream(items)
    let made = try SyntheticArchive(stream: stream) { _ in chunkLength }
    let itemStream = try ItemStream(made.archive)
    var read: [Item] = []
    #expect(throws: IntegrityError.self) {
      while let item = try itemStream.next() { read.append(item) }
    }
    #expect(read == Array(items[..<9]))
    #expect(throws: IntegrityError.self) { try made.scan() }
  }

  @Test func `a stream that ends inside an item is an error, after the items before`() throws {
    let items = SyntheticArchive.items(10)
    let made = try SyntheticArchive(stream: SyntheticArchive.stream(items).dropLast(1).map { $0 }) { _ in 100 }
    let itemStream = try ItemStream(made.archive)
    var read: [Item] = []
    #expect(throws: IntegrityError.self) {
      while let item = try itemStream.next() { read.append(item) }
    }
    #expect(read == Array(items.dropLast()))
    #expect(throws: IntegrityError.self) { try made.scan() }
  }

  @Test func `a missing stream chunk is an error at its turn`() throws {
    let items = SyntheticArchive.items(200)
    let made = try SyntheticArchive(items: items, chunkLength: 500)
    made.vector.repository.replace(made.archive.metadata.items[50], with: nil)
    let itemStream = try ItemStream(made.archive)
    var read: [Item] = []
    #expect(throws: (any Error).self) {
      while let item = try itemStream.next() { read.append(item) }
    }
    #expect(read.count > 5)
    #expect(read == Array(items[..<read.count]))
    #expect(try itemStream.next() == nil)
  }

  @Test func `reading can stop early`() throws {
    let made = try SyntheticArchive(items: SyntheticArchive.items(2000), chunkLength: 1000)
    var count = 0
    try made.archive.forEachItem { _ in
      count += 1
      return count < 5
    }
    #expect(count == 5)
  }

  @Test func `a location that is none is an error`() throws {
    let made = try SyntheticArchive(items: SyntheticArchive.items(10), chunkLength: 100)
    let reader = ChunkReader(repository: made.session.repository, codec: made.session.codec, cacheBytes: 1 << 20)
    for location in [
      ItemLocation(firstChunk: 9999, offset: 0, length: 10), ItemLocation(firstChunk: 0, offset: 5000, length: 10),
      ItemLocation(firstChunk: 0, offset: 0, length: 5), ItemLocation(firstChunk: 0, offset: 0, length: .max),
      ItemLocation(firstChunk: 0, offset: 3, length: 40),
    ] {
      #expect(throws: (any Error).self) { try ItemScanner.item(in: made.archive, at: location, reader: reader) }
    }
  }
}
