import BorgFormat

/// `hints.N`: what compaction and quota need to know beside the index (repository.md section 10). All numbers are
/// estimates: after a recovery they may name segments that are gone, and be too high or negative.
struct Hints: Sendable {
  /// Segment to number of current PUTs in it.
  var segments = OrderedMap<Int, Int>()
  /// Segment to freeable bytes.
  var compact = OrderedMap<Int, Int>()
  var storageQuotaUse: Int64 = 0
  /// Id to segments with superseded PUTs of it; may hold repeats, may be empty.
  var shadow = OrderedMap<ChunkID, [Int]>()

  init() {}

  /// Notes that the PUT of `id` in `segment` was superseded, which frees `size` bytes there.
  mutating func shadow(_ id: ChunkID, in segment: Int, size: Int) {
    shadow.update(id, default: []) { $0.append(segment) }
    segments.add(-1, to: segment)
    compact.add(size, to: segment)
  }

  /// Forgets segments that no transaction committed.
  mutating func dropShadows(above transaction: Int) {
    shadow.updateAll { segments in
      if segments.contains(where: { $0 > transaction }) { segments.removeAll { $0 > transaction } }
    }
  }

  func encoded() -> [UInt8] {
    var writer = MessagePackWriter()
    writer.writeMapHeader(5)
    writer.writeRaw("version")
    writer.writeInt(2)
    writer.writeRaw("segments")
    Hints.write(segments, &writer)
    writer.writeRaw("compact")
    Hints.write(compact, &writer)
    writer.writeRaw("storage_quota_use")
    writer.writeInt(storageQuotaUse)
    writer.writeRaw("shadow_index")
    writer.writeMapHeader(shadow.count)
    shadow.forEach { id, segments in
      writer.writeID(id)
      writer.writeArrayHeader(segments.count)
      for segment in segments { writer.writeInt(Int64(segment)) }
    }
    return writer.bytes
  }

  private static func write(_ map: OrderedMap<Int, Int>, _ writer: inout MessagePackWriter) {
    writer.writeMapHeader(map.count)
    map.forEach { key, value in
      writer.writeInt(Int64(key))
      writer.writeInt(Int64(value))
    }
  }
}

/// A decoded hints file. Version 1 (Borg 1.0) lists sparse segments without their freeable bytes.
struct HintsFile {
  var hints = Hints()
  /// Only in version 1: segments whose freeable bytes are still to be counted.
  var sparseSegments: [Int]?

  /// Throws `FormatError`; `RepositoryError.refused` for an unknown version.
  init(decoding bytes: [UInt8]) throws {
    let version = try bytes.withUnsafeBytes { try HintsFile.version(of: $0) }
    guard version == 1 || version == 2 else {
      throw RepositoryError.refused("Unknown hints file version: \(version)")
    }
    do {
      try bytes.withUnsafeBytes { try decode($0, version) }
    } catch let error as MessagePackReader.Failure {
      throw FormatError("hints: \(error)")
    }
  }

  private static func version(of bytes: UnsafeRawBufferPointer) throws -> Int64 {
    do {
      var reader = MessagePackReader(bytes)
      for _ in 0..<(try reader.readMapHeader()) {
        if try reader.readRaw().elementsEqual("version".utf8) { return try reader.readInt() }
        try reader.skipValue()
      }
    } catch {
      throw FormatError("hints: \(error)")
    }
    throw FormatError("hints: no version")
  }

  private mutating func decode(_ bytes: UnsafeRawBufferPointer, _ version: Int64) throws {
    var reader = MessagePackReader(bytes)
    var seen: Set<String> = []
    for _ in 0..<(try reader.readMapHeader()) {
      let key = String(decoding: try reader.readRaw(), as: UTF8.self)
      seen.insert(key)
      switch key {
      case "segments": hints.segments = try HintsFile.readNumbers(&reader)
      case "compact" where version == 1: sparseSegments = try HintsFile.readList(&reader)
      case "compact": hints.compact = try HintsFile.readNumbers(&reader)
      case "storage_quota_use" where version == 2: hints.storageQuotaUse = try reader.readInt()
      case "shadow_index" where version == 2: hints.shadow = try HintsFile.readShadow(&reader)
      default: try reader.skipValue()
      }
    }
    guard reader.isAtEnd, seen.isSuperset(of: ["segments", "compact"]) else { throw FormatError("hints: incomplete") }
  }

  private static func readNumbers(_ reader: inout MessagePackReader) throws -> OrderedMap<Int, Int> {
    var map = OrderedMap<Int, Int>()
    for _ in 0..<(try reader.readMapHeader()) {
      let key = Int(try reader.readInt())
      map[key] = Int(try reader.readInt())
    }
    return map
  }

  private static func readList(_ reader: inout MessagePackReader) throws -> [Int] {
    var list: [Int] = []
    for _ in 0..<(try reader.readArrayHeader()) { list.append(Int(try reader.readInt())) }
    return list
  }

  private static func readShadow(_ reader: inout MessagePackReader) throws -> OrderedMap<ChunkID, [Int]> {
    var map = OrderedMap<ChunkID, [Int]>()
    for _ in 0..<(try reader.readMapHeader()) {
      let raw = try reader.readRaw()
      guard raw.count == ChunkID.byteCount else { throw FormatError("hints: id of \(raw.count) bytes") }
      map[ChunkID(loading: raw)] = try readList(&reader)
    }
    return map
  }
}
