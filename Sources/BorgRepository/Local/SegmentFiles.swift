import BorgFormat
import BorgSystem
import Glibc

/// Where the segment files lie: `data/N/SEGMENT`, with so many segments in a directory (repository.md section 6). Knows
/// names, sizes and numbers, nothing of what is in them.
struct SegmentFiles {
  private let directory: [UInt8]
  private let segmentsPerDirectory: Int

  init(repository: [UInt8], segmentsPerDirectory: Int) {
    directory = Files.join(repository, Array("data".utf8))
    self.segmentsPerDirectory = segmentsPerDirectory
  }

  func path(of segment: Int) -> [UInt8] {
    Files.join(directoryPath(of: segment), Array(String(segment).utf8))
  }

  func directoryPath(of segment: Int) -> [UInt8] {
    Files.join(directory, Array(String(segment / segmentsPerDirectory).utf8))
  }

  /// Nil when there is no such file.
  func size(of segment: Int) throws -> Int? {
    guard segment >= 0 else { return nil }
    do {
      return Int(try Files.status(path(of: segment)).st_size)
    } catch let error as SystemError where error.code == ENOENT {
      return nil
    }
  }

  /// An empty file counts as deleted.
  func exists(_ segment: Int) throws -> Bool {
    try size(of: segment) ?? 0 > 0
  }

  // MARK: Directories

  func makeDirectory(of segment: Int) throws {
    let path = directoryPath(of: segment)
    guard !Files.exists(path) else { return }
    try Files.makeDirectory(path)
    try Files.syncDirectory(directory)
  }

  func removeEmptyDirectories() throws {
    for subdirectory in try numbers(in: directory) { try? Files.removeDirectory(subdirectory.path) }
    try Files.syncDirectory(directory)
  }

  // MARK: Enumeration

  /// Segments from `first` on, ascending, until `body` returns false.
  func forEach(from first: Int = 0, _ body: (Int) throws -> Bool) throws {
    for directory in try numbers(in: directory, from: first / segmentsPerDirectory) where isDirectory(directory.path) {
      for segment in try numbers(in: directory.path, from: first) where isFile(segment.path) {
        guard try body(segment.number) else { return }
      }
    }
  }

  func forEachBackwards(_ body: (Int) throws -> Bool) throws {
    for directory in try numbers(in: directory).reversed() where isDirectory(directory.path) {
      for segment in try numbers(in: directory.path).reversed() where isFile(segment.path) {
        guard try body(segment.number) else { return }
      }
    }
  }

  func latest() throws -> Int? {
    var latest: Int?
    try forEachBackwards {
      latest = $0
      return false
    }
    return latest
  }

  func count() throws -> Int {
    var count = 0
    try forEach { _ in
      count += 1
      return true
    }
    return count
  }

  private func isDirectory(_ path: [UInt8]) -> Bool { (try? Files.status(path).st_mode & S_IFMT) == S_IFDIR }
  private func isFile(_ path: [UInt8]) -> Bool { (try? Files.status(path).st_mode & S_IFMT) == S_IFREG }

  /// Names of digits alone within the range of segment numbers, sorted by number.
  private func numbers(in directory: [UInt8], from first: Int = 0) throws -> [(number: Int, path: [UInt8])] {
    try Files.names(in: directory).compactMap { name -> (number: Int, path: [UInt8])? in
      guard let number = decimal(name), number >= first, number <= Int(UInt32.max) else { return nil }
      return (number, Files.join(directory, name))
    }.sorted { $0.number < $1.number }
  }
}

/// The number that digits alone spell; nil for anything else. Saturates.
func decimal(_ digits: some Collection<UInt8>) -> Int? {
  guard !digits.isEmpty else { return nil }
  var value = 0
  for digit in digits {
    guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
    let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
    let (sum, sumOverflow) = scaled.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
    value = overflow || sumOverflow ? .max : sum
  }
  return value
}
