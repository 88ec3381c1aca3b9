import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem
import BorgTesting

@testable import BorgArchive

/// An archive in mode none whose item stream is cut where the test wants.
struct SyntheticArchive {
  let vector: VectorRepository
  let monitor = RecordingMonitor(answers: [true])
  let session: RepositorySession
  let archive: Archive

  init(stream: [UInt8], chunkLength: (Int) -> Int) throws {
    vector = try VectorRepository("none")
    session = try vector.open(monitor)
    var metadata = ArchiveMetadata(name: Array("made".utf8), time: Array("2026-01-01T00:00:00.000000".utf8))
    var start = 0
    while start < stream.count {
      let end = min(stream.count, start + max(1, chunkLength(metadata.items.count)))
      metadata.items.append(try SyntheticArchive.store(Array(stream[start..<end]), in: session).id)
      start = end
    }
    let packed = TAM.seal(key: session.key, .archive) { metadata.encoded(tam: $0) }
    let id = try SyntheticArchive.store(packed, in: session).id
    let entry = Manifest.Entry(name: metadata.name, id: id, time: metadata.time)
    session.manifest.set(entry)
    archive = try Archive(entry, in: session)
  }

  init(items: [Item], chunkLength: Int) throws {
    try self.init(stream: SyntheticArchive.stream(items)) { _ in chunkLength }
  }

  static func stream(_ items: [Item]) -> [UInt8] {
    var stream: [UInt8] = []
    for item in items { ItemCodec.encode(item, into: &stream) }
    return stream
  }

  /// Stores a chunk; returns how a file's list would name it.
  @discardableResult
  static func store(_ bytes: [UInt8], in session: RepositorySession) throws -> ChunkListEntry {
    try bytes.withUnsafeBytes { bytes in
      let id = session.key.id(of: bytes)
      let object = try session.codec.seal(bytes, with: .lz4, workspace: CodecWorkspace())
      try session.repository.put(id, object)
      return ChunkListEntry(id: id, size: UInt32(bytes.count), storedSize: UInt32(object.count))
    }
  }

  func readItems() throws -> [Item] {
    var items: [Item] = []
    try archive.forEachItem { item in
      items.append(item)
      return true
    }
    return items
  }

  func scan() throws -> [(path: [UInt8], location: ItemLocation)] {
    var found: [(path: [UInt8], location: ItemLocation)] = []
    try ItemScanner.scan(archive) { found.append((Array($0.path), $0.location)) }
    return found
  }

  /// Items of many kinds; some hold bytes that look like the beginning of another item.
  static func items(_ count: Int) -> [Item] {
    var decoy: [UInt8] = []
    ItemCodec.encode(Item(path: Array("decoy".utf8), mode: FileType.directory), into: &decoy)
    return (0..<count).map { number in
      var item = Item(path: Array("dir/file number \(number)".utf8), mode: FileType.regular | 0o644)
      item.user = Array("user".utf8)
      item.group = Array("group".utf8)
      item.mtime = Int64(number) * 1_000_000_007
      item.ctime = item.mtime
      item.uid = Int64(number % 3000)
      item.hardlinkMaster = false
      item.chunks = (0..<(number % 97 == 0 ? 300 : number % 3)).map { chunk in
        ChunkListEntry(
          id: ChunkID(words: (UInt64(number) &* 0x9e37_79b9_7f4a_7c15, UInt64(chunk), 0x8081_8283_8485_8687, 1)),
          size: UInt32(number % 5000), storedSize: UInt32(number % 4000))
      }
      item.size = item.chunks?.reduce(0) { $0 + Int64($1.size) }
      if number % 7 == 3 { item.xattrs = [ExtendedAttribute(name: Array("user.d".utf8), value: decoy + decoy + decoy)] }
      return item
    }
  }
}
