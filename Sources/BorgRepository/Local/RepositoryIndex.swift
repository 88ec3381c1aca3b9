import BorgFormat
import BorgSystem
import Glibc

/// Where each current object's PUT lies: the table of `index.N` (repository.md section 9), or for those who only look
/// objects up a smaller one, which can do nothing else, or for their first few lookups the file itself.
final class RepositoryIndex {
  private var table: HashIndex
  private var locations: LocationTable?
  private var searched: SearchedIndexFile?

  init() {
    table = HashIndex(valueWords: 2)
  }

  /// Throws `FormatError`.
  init(decoding file: [UInt8]) throws {
    table = try HashIndex(decoding: file, valueWords: 2)
  }

  /// Reads a file in one go to where the table stays; `verify` sees its bytes first. Throws `FormatError` and what
  /// `verify` throws.
  init(reading file: File, _ verify: (UnsafeRawBufferPointer) throws -> Void) throws {
    table = try HashIndex(fileSize: Int(clamping: file.size()), valueWords: 2) { bytes in
      RepositoryIndex.preferLargePages(bytes)
      guard try file.read(into: bytes) == bytes.count else { throw FormatError("hash index: file has a wrong length") }
      try verify(UnsafeRawBufferPointer(bytes))
    }
  }

  /// For looking up alone.
  init(_ locations: LocationTable) {
    table = HashIndex(valueWords: 2)
    self.locations = locations
  }

  /// For looking up a few objects: one that is not found may be there, one that is found may not.
  init(searching file: SearchedIndexFile) {
    table = HashIndex(valueWords: 2)
    searched = file
  }

  /// Whether ids can be listed, and the file be written.
  var isWhole: Bool { locations == nil && searched == nil }
  /// Whether what it says of objects is verified, and all there is.
  var isFinal: Bool { searched == nil }
  /// Of a final index.
  var count: Int { locations?.count ?? table.count }
  /// The length of the file that this would make.
  var fileSize: Int { HashIndex.headerSize + table.bucketCount * RepositoryIndex.bucketSize }

  subscript(id: ChunkID) -> EntryLocation? {
    if let found = searched?.find(id) { return found }
    if isWhole { return table[id].map { EntryLocation(segment: $0.0, offset: $0.1) } }
    return locations?[id].map { EntryLocation(segment: $0.segment, offset: $0.offset) }
  }

  func set(_ id: ChunkID, _ location: EntryLocation) {
    precondition(isFinal)
    if isWhole { return table.set(id, (location.segment, location.offset, 0)) }
    locations?.set(id, (location.segment, location.offset))
  }

  func remove(_ id: ChunkID) {
    precondition(isFinal)
    if isWhole { table.remove(id) } else { locations?.remove(id) }
  }

  /// Of a whole index.
  func forEach(_ body: (ChunkID, EntryLocation) throws -> Void) rethrows {
    precondition(isWhole)
    try table.forEach { id, value in try body(id, EntryLocation(segment: value.0, offset: value.1)) }
  }

  /// Of a whole index, in bucket order; nil when the marker is unknown.
  func ids(after marker: ChunkID?, limit: Int) -> [ChunkID]? {
    precondition(isWhole)
    return table.ids(after: marker, limit: limit)
  }

  func withFileBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    precondition(isWhole)
    return try table.withFileBytes(body)
  }

  private static let bucketSize = ChunkID.byteCount + 8

  /// A table of millions of small pages takes longer to get from the kernel than to read.
  private static func preferLargePages(_ bytes: UnsafeMutableRawBufferPointer) {
    let largePage = 2 << 20
    guard let start = bytes.baseAddress, bytes.count >= 2 * largePage else { return }
    let first = start.alignedUp(toMultipleOf: largePage)
    let count = (bytes.count - (first - start)) / largePage * largePage
    madvise(first, count, MADV_HUGEPAGE)
  }
}
