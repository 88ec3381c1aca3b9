import BorgFormat
import BorgSystem
import Glibc

/// Replaces a damaged segment by what can still be read of it: every stretch of bytes that is a whole entry with a
/// matching checksum (repository.md section 15).
enum SegmentSalvage {
  static func run(_ segment: Int, _ store: SegmentStore, monitor: any Monitor) throws {
    let path = store.files.path(of: segment)
    monitor.info("attempting to recover \(String(decoding: path, as: UTF8.self))", logger: repositoryLogger)
    let source = try File.open(path, O_RDONLY)
    let temporary = path + Array("-\(Files.randomSuffix()).tmp".utf8)
    do {
      let target = try File.open(temporary, O_WRONLY | O_CREAT | O_EXCL)
      try copyEntries(from: source, to: target, store.stopRequest)
      try target.sync()
      try target.close()
      try Files.rename(temporary, path)
    } catch {
      try? Files.unlink(temporary)
      throw error
    }
    store.forgetFile(segment)
    try Files.syncDirectory(Files.parent(of: path))
  }

  private static func copyEntries(from source: File, to target: File, _ stopRequest: StopRequest) throws {
    try target.write(SegmentEntryHeader.magic)
    let size = Int(try source.size())
    guard size >= SegmentEntryHeader.magic.count + SegmentEntryHeader.size else { return }
    let window = ReadWindow(source, preferredSize: 2 * SegmentEntryHeader.maximumEntrySize)
    var offset = 0
    while size - offset >= SegmentEntryHeader.size {
      try stopRequest.check()
      if let entry = try entry(window, at: offset, end: size) {
        try target.write(entry)
        offset += entry.count
      } else {
        offset += 1
      }
    }
  }

  /// The whole entry at `offset`, nil when there is none.
  private static func entry(_ window: ReadWindow, at offset: Int, end: Int) throws -> UnsafeRawBufferPointer? {
    let head = try window.bytes(at: offset, count: SegmentEntryHeader.size)
    guard let header = SegmentEntryHeader(loading: head), header.tag <= highestTag,
      header.entrySize >= smallestEntry(header.tag), header.entrySize <= SegmentEntryHeader.maximumEntrySize,
      Int(header.entrySize) <= end - offset
    else { return nil }
    let bytes = try window.bytes(at: offset, count: Int(header.entrySize))
    guard bytes.count == Int(header.entrySize), SegmentChecksum.entry(bytes) == header.crc else { return nil }
    return bytes
  }

  /// Those that have an id have room for it.
  private static func smallestEntry(_ tag: UInt8) -> Int {
    switch SegmentEntryHeader.Tag(rawValue: tag) {
    case .put, .delete: SegmentEntryHeader.sizeWithID
    case .commit, nil: SegmentEntryHeader.size
    }
  }

  /// Tags of future versions are kept, though nothing here can read them.
  private static let highestTag: UInt8 = 15
}
