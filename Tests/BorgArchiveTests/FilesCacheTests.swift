import BorgFormat
import BorgSystem
import BorgTesting
import Testing

@testable import BorgArchive

@Suite struct FilesCacheTests {
  private let home: TemporaryDirectory
  private let monitor = RecordingMonitor()

  init() throws {
    home = try TemporaryDirectory()
  }

  private static func id(_ byte: UInt8) -> ChunkID {
    let word = UInt64(byte) &* 0x0101_0101_0101_0101
    return ChunkID(words: (word, word, word, word))
  }

  private func load(_ bytes: [UInt8], integrity: String? = nil, mode: FilesCacheMode = .standard) throws -> FilesCache {
    try Files.replace(home.path("files"), with: bytes)
    let loader = FilesCacheLoader(path: home.path("files"), name: "files", integrity: integrity, monitor: monitor)
    return FilesCache(mode: mode, loader: loader)
  }

  @Test func `modes parse as Borg's`() throws {
    for row in try Fixtures.vectors("caches")["files_cache_modes"].array.map(\.array) {
      let isAllowed = !row[1].text.hasPrefix("error")
      #expect((FilesCacheMode(parsing: row[0].text) != nil) == isAllowed, "\(row[0].text)")
    }
    #expect(FilesCacheMode(parsing: " ctime,size,inode\n") == .standard)
    #expect(FilesCacheMode(parsing: "size,size") == .size)
    #expect(FilesCacheMode(parsing: "") == nil)
  }

  @Test func `Borg's file loads, and what was not seen is one run older when saved`() throws {
    let vector = try #require(Fixtures.vectors("caches")["files_cache"])
    let bytes = try #require(Hex.decode(vector["content"].text))
    let cache = try load(bytes, integrity: vector["integrity"].text)
    #expect(cache.count == 3)
    #expect(monitor.messages.isEmpty)
    var expected: [UInt8] = []
    for entry in vector["entries"].array {
      let age = try #require(entry["age"]?.integer) + 1
      if age < 20 { expected += try packed(entry, age: age) }
    }
    #expect(cache.encoded(timeToLive: 20) == expected)
  }

  @Test func `an entry of Borg's is found unchanged, and is new again`() throws {
    let vector = try #require(Fixtures.vectors("caches")["files_cache"])
    let cache = try load(try #require(Hex.decode(vector["content"].text)))
    let entry = vector["entries"].array[1]
    let key = try #require(ChunkID(hex: entry["path_hash"].text))
    let cmtime = try #require(Int64(entry["cmtime"].text))
    let answer = cache.lookup(key, inode: 8_589_934_592, size: 100_000, ctime: cmtime, mtime: 0)
    #expect(answer == .unchanged(entry["chunk_ids"].array.compactMap { ChunkID(hex: $0.text) }))
    #expect(cache.encoded(timeToLive: 0) == (try packed(entry, age: 0)))
  }

  private func packed(_ entry: JSONValue, age: Int64) throws -> [UInt8] {
    let ids = entry["chunk_ids"].array.map { MessagePackValue.raw(Hex.decode($0.text) ?? []) }
    let value = MessagePackValue.array([
      .raw(try #require(Hex.decode(entry["path_hash"].text))),
      .array([
        .int(age), .int(try #require(entry["inode"]?.integer)), .int(try #require(entry["size"]?.integer)),
        .int(try #require(Int64(entry["cmtime"].text))), .array(ids),
      ]),
    ])
    return value.encoded()
  }

  @Test(arguments: [
    ("ctime,size,inode", [1, 2, 3]), ("mtime,size,inode", [1, 2, 4]), ("ctime,size", [2, 3]), ("mtime,size", [2, 4]),
    ("size", [2]),
  ])
  func `a mode looks at what it names and at nothing else`(text: String, relevant: [Int]) throws {
    let mode = try #require(FilesCacheMode(parsing: text))
    for changed in 0...4 {
      let cache = FilesCache(mode: mode)
      cache.remember(Self.id(1), inode: 10, size: 20, ctime: 30, mtime: 40, chunks: [Self.id(2)])
      let answer = cache.lookup(
        Self.id(1), inode: changed == 1 ? 0 : 10, size: changed == 2 ? 0 : 20, ctime: changed == 3 ? 0 : 30,
        mtime: changed == 4 ? 0 : 40)
      #expect(answer == (relevant.contains(changed) ? .changed : .unchanged([Self.id(2)])), "\(changed)")
    }
  }

  @Test func `an inode that does not matter is renewed`() throws {
    let mode: FilesCacheMode = [.ctime, .size]
    let cache = FilesCache(mode: mode)
    cache.remember(Self.id(1), inode: 10, size: 20, ctime: 30, mtime: 40, chunks: [])
    cache.remember(Self.id(2), inode: 1, size: 1, ctime: 31, mtime: 40, chunks: [])
    #expect(cache.lookup(Self.id(1), inode: 1 << 63, size: 20, ctime: 30, mtime: 0) == .unchanged([]))
    let again = try load(cache.encoded(timeToLive: 20), mode: .standard)
    #expect(again.lookup(Self.id(1), inode: 1 << 63, size: 20, ctime: 30, mtime: 0) == .unchanged([]))
    #expect(again.lookup(Self.id(2), inode: 1, size: 1, ctime: 31, mtime: 0) == .unknown)
  }

  @Test func `rechunk remembers and never answers; disabled does neither`() {
    let rechunking = FilesCache(mode: [.rechunk, .ctime])
    rechunking.remember(Self.id(1), inode: 1, size: 1, ctime: 1, mtime: 1, chunks: [])
    #expect(rechunking.lookup(Self.id(1), inode: 1, size: 1, ctime: 1, mtime: 1) == .unknown)
    #expect(rechunking.count == 1)
    let disabled = FilesCache(mode: .disabled)
    disabled.remember(Self.id(1), inode: 1, size: 1, ctime: 1, mtime: 1, chunks: [])
    #expect(disabled.count == 0)
  }

  @Test func `only entries older than the newest file of the run are kept`() throws {
    let cache = FilesCache(mode: .standard)
    for byte in 1...9 {
      let ctime = byte == 9 ? Int64.max : Int64(byte)
      cache.remember(Self.id(UInt8(byte)), inode: 1, size: 1, ctime: ctime, mtime: 1, chunks: [])
    }
    cache.remember(Self.id(8), inode: 1, size: 1, ctime: -5, mtime: 1, chunks: [Self.id(1)])
    let again = try load(cache.encoded(timeToLive: 20))
    #expect(again.count == 8)
    #expect(again.lookup(Self.id(9), inode: 1, size: 1, ctime: 2_147_310_847_000_000_000, mtime: 1) == .unknown)
    #expect(again.lookup(Self.id(8), inode: 1, size: 1, ctime: 0, mtime: 1) == .unchanged([Self.id(1)]))
    #expect(again.lookup(Self.id(7), inode: 1, size: 1, ctime: 7, mtime: 1) == .unchanged([]))
  }

  @Test func `many entries come back`() throws {
    let cache = FilesCache(mode: .standard)
    let keys = (0..<5000).map { number in
      ChunkID(words: (UInt64(number), UInt64(number) &* 0x9e37_79b9_7f4a_7c15, 3, 4))
    }
    for (number, key) in keys.enumerated() {
      let chunks = Array(keys.prefix(number % 20))
      cache.remember(key, inode: UInt64(number), size: Int64(number), ctime: Int64(number), mtime: 0, chunks: chunks)
    }
    let again = try load(cache.encoded(timeToLive: 20))
    #expect(again.count == 4999)
    for (number, key) in keys.dropLast().enumerated() {
      let answer = again.lookup(
        key, inode: UInt64(number), size: Int64(number), ctime: Int64(number), mtime: 0)
      #expect(answer == .unchanged(Array(keys.prefix(number % 20))))
    }
  }

  @Test func `other spellings of an entry are understood and written as Borg's`() throws {
    var bytes: [UInt8] = [0xdc, 0, 2, 0xc4, 32] + Self.id(1).bytes + [0xdc, 0, 5, 0xcd, 0, 3, 0xd0, 7]
    bytes += [0xce, 0, 0, 0, 9, 0xa9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xdd, 0, 0, 0, 1, 0xd9, 32] + Self.id(2).bytes
    let cache = try load(bytes)
    #expect(cache.count == 1)
    let written: [UInt8] =
      [0x92, 0xda, 0, 32] + Self.id(1).bytes + [0x95, 4, 7, 9, 0xcf, 0x7f] + Array(repeating: 0xff, count: 7)
      + [0x91, 0xda, 0, 32] + Self.id(2).bytes
    #expect(cache.encoded(timeToLive: 20) == written)
  }

  @Test func `a damaged file means warnings and an empty cache`() throws {
    let vector = try #require(Fixtures.vectors("caches")["files_cache"])
    var bytes = try #require(Hex.decode(vector["content"].text))
    bytes[100] ^= 1
    #expect(try load(bytes, integrity: vector["integrity"].text).count == 0)
    #expect(monitor.messages.first?.hasPrefix("The files cache is corrupted. [") == true)
    #expect(monitor.messages.last == "Continuing without files cache - expect lower performance.")
    #expect(monitor.records.allSatisfy { $0.level == .warning && $0.warningCode == nil })
  }

  @Test func `no damage can do harm`() throws {
    let vector = try #require(Fixtures.vectors("caches")["files_cache"])
    let bytes = try #require(Hex.decode(vector["content"].text))
    for length in 0..<bytes.count {
      _ = try? FilesCacheTable(loading: Array(bytes[..<length])).encoded(timeToLive: 20, newest: .max)
    }
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      var damaged = bytes
      for _ in 0..<3 {
        damaged[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      guard let table = try? FilesCacheTable(loading: damaged) else { continue }
      _ = table.encoded(timeToLive: 20, newest: .max)
    }
  }
}
