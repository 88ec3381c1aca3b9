import BorgFormat
import BorgSystem
import BorgTesting
import Glibc
import Testing

@testable import BorgRepository

@Suite struct RepositoryIndexTests {
  private let directory: TemporaryDirectory
  private let path: [UInt8]

  init() throws {
    directory = try TemporaryDirectory()
    path = Array("\(directory.path)/index".utf8)
  }

  private func id(_ number: Int) -> ChunkID {
    ChunkID(words: (UInt64(number) &* 0x9E37_79B9_7F4A_7C15, UInt64(number), 3, 4))
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    let file = try File.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(bytes)
    try file.close()
  }

  private func read(_ verify: (UnsafeRawBufferPointer) throws -> Void = { _ in }) throws -> RepositoryIndex {
    try RepositoryIndex(reading: File.open(path, O_RDONLY), verify)
  }

  /// The larger one is beyond what is asked for in large pages.
  @Test(arguments: [10, 120_000]) func `a file is read as it was written, once its bytes are verified`(
    count: Int
  ) throws {
    let made = RepositoryIndex()
    for number in 0..<count {
      made.set(id(number), EntryLocation(segment: UInt32(number / 100), offset: UInt32(number % 100)))
    }
    try made.withFileBytes { try write($0) }
    var verified: [UInt8] = []
    let index = try read { verified = Array($0) }
    #expect(made.withFileBytes { $0.elementsEqual(verified) })
    #expect(index.count == count)
    #expect(
      (0..<count).allSatisfy { number in
        index[id(number)] == EntryLocation(segment: UInt32(number / 100), offset: UInt32(number % 100))
      })
    #expect(index[id(count)] == nil)
  }

  @Test func `what is refused or is no table is an error`() throws {
    struct Refused: Error {}
    try RepositoryIndex().withFileBytes { try write($0) }
    #expect(throws: Refused.self) { try read { _ in throw Refused() } }
    for length in [0, 1, 18, 30, 41_000] {
      try [UInt8](repeating: 0, count: length).withUnsafeBytes { try write($0) }
      #expect(throws: FormatError.self) { try read() }
    }
  }

  /// `nanoseconds`: what each look at the clock takes.
  private func search(leastSize: Int = 0, nanoseconds: Int = 0) throws -> SearchedIndexFile? {
    let conditions = SearchedIndexFile.Conditions(leastSize: leastSize, clock: .ticking(nanoseconds))
    return try SearchedIndexFile(File.open(path, O_RDONLY), conditions)
  }

  @Test func `a file is searched as it was written, no longer than it takes to be read`() throws {
    let made = RepositoryIndex()
    for number in 0..<120_000 {
      made.set(id(number), EntryLocation(segment: UInt32(number / 100), offset: UInt32(number % 100)))
    }
    for number in 0..<1000 { made.remove(id(number * 3)) }
    try made.withFileBytes { try write($0) }
    var searched = try #require(try SearchedIndexFile(File.open(path, O_RDONLY), .init(clock: .ticking(0))))
    for number in 0..<121_000 { #expect(searched.find(id(number)) == made[id(number)]) }
    var slow = try #require(try search(nanoseconds: made.fileSize / 10))
    for number in 0..<10 { #expect(slow.find(id(number * 3 + 1)) == made[id(number * 3 + 1)]) }
    // The length is no multiple of ten.
    _ = slow.find(id(1))
    #expect(made[id(1)] != nil && slow.find(id(1)) == nil)
  }

  @Test func `after the last bucket the search goes on with the first, but not for ever`() throws {
    let made = RepositoryIndex()
    // All begin their search in the last but one of 4099 buckets.
    let crowd = (0..<600).map { ChunkID(words: (4097, UInt64($0), 0, 0)) }
    for number in 0..<1500 { made.set(id(number), EntryLocation(segment: 1, offset: UInt32(number))) }
    for (number, id) in crowd.enumerated() { made.set(id, EntryLocation(segment: 2, offset: UInt32(number))) }
    try made.withFileBytes {
      #expect($0.count == HashIndex.headerSize + 4099 * LocationTable.bucketSize)
      try write($0)
    }
    var searched = try #require(try search())
    for number in 0..<100 { #expect(searched.find(crowd[number]) == EntryLocation(segment: 2, offset: UInt32(number))) }
    #expect(searched.find(crowd[599]) == nil)
  }

  @Test func `a file that is small, no index or cut off is not searched`() throws {
    let made = RepositoryIndex()
    made.set(id(1), EntryLocation(segment: 1, offset: 2))
    var bytes = made.withFileBytes { Array($0) }
    try bytes.withUnsafeBytes { try write($0) }
    #expect(try SearchedIndexFile(File.open(path, O_RDONLY)) == nil)
    var searched = try #require(try search())
    #expect(searched.find(id(1)) == EntryLocation(segment: 1, offset: 2))
    try File.open(path, O_WRONLY | O_TRUNC).close()
    #expect(searched.find(id(1)) == nil)
    #expect(throws: FormatError.self) { try search() }
    bytes[0] ^= 1
    try bytes.withUnsafeBytes { try write($0) }
    #expect(throws: FormatError.self) { try search() }
  }
}
