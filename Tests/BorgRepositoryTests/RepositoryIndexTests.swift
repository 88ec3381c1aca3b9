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
}
