import BorgFormat
import BorgSystem

/// Skims an archive's item stream for a tree.
public enum ItemScanner {
  /// Calls `body` for each item in archive order; stream chunks are fetched and decoded ahead in parallel. What is
  /// msgpack but no item is reported and left out; a damaged stream throws `IntegrityError`.
  public static func scan(_ archive: Archive, _ body: (borrowing ItemSummary) throws -> Void) throws {
    let session = archive.session
    let pipeline = ChunkPipeline(
      repository: session.repository, codec: session.codec, maximumBytesAhead: maximumBytesAhead)
    defer { pipeline.close() }
    pipeline.request(archive.metadata.items.map { ChunkListEntry(id: $0, size: 0, storedSize: 0) })
    var scan = Scan(archive: archive)
    for number in archive.metadata.items.indices {
      guard let number = UInt32(exactly: number) else { throw IntegrityError("Too many item metadata chunks.") }
      try scan.add(pipeline.next(), number: number, body)
    }
    try scan.finish(body)
  }

  private static let maximumBytesAhead = 16 << 20

  /// Decodes one item at a location that `scan` gave.
  public static func item(in archive: Archive, at location: ItemLocation, reader: ChunkReader) throws -> Item {
    let ids = archive.metadata.items
    let unknown = FormatError("There is no item at this location.")
    guard Int(location.firstChunk) < ids.count else { throw unknown }
    let first = try reader.chunk(ids[Int(location.firstChunk)])
    let offset = Int(location.offset)
    let length = Int(location.length)
    guard offset < first.count else { throw unknown }
    if first.count - offset >= length { return try decode(first, offset..<offset + length) }
    var bytes = Array(first[offset...])
    for id in ids[(Int(location.firstChunk) + 1)...] where bytes.count < length {
      bytes += try reader.chunk(id).prefix(length - bytes.count)
    }
    guard bytes.count == length else { throw unknown }
    return try decode(bytes, 0..<length)
  }

  private static func decode(_ bytes: [UInt8], _ range: Range<Int>) throws -> Item {
    try bytes.withUnsafeBytes { bytes in
      guard let decoded = try ItemCodec.decode(UnsafeRawBufferPointer(rebasing: bytes[range])) else {
        throw FormatError("The item at this location is not complete.")
      }
      return decoded.item
    }
  }
}

/// One pass over a stream. Items that lie in one chunk are skimmed in place; only those that are cut are copied.
private struct Scan {
  let name: [UInt8]
  let monitor: any Monitor
  private var window = StreamWindow()
  private var nextAttempt = 0

  init(archive: Archive) {
    name = archive.entry.name
    monitor = archive.session.context.monitor
  }

  mutating func add(_ chunk: [UInt8], number: UInt32, _ body: (borrowing ItemSummary) throws -> Void) throws {
    try chunk.withUnsafeBytes { chunk in
      guard window.isEmpty else {
        try window.append(chunk, number: number)
        // Skimming a long item again for each chunk would take quadratic time.
        guard window.bytes.count >= nextAttempt else { return }
        try skimWindow(body)
        return
      }
      let used = try skim(chunk, body) { position, length in
        ItemLocation(firstChunk: number, offset: UInt32(position), length: UInt32(length))
      }
      try window.append(chunk, number: number, from: used)
      nextAttempt = 0
    }
  }

  mutating func finish(_ body: (borrowing ItemSummary) throws -> Void) throws {
    if !window.isEmpty { try skimWindow(body) }
    guard window.isEmpty else {
      throw IntegrityError("Archive \(displayText(name)): the item metadata ends inside an item.")
    }
  }

  private mutating func skimWindow(_ body: (borrowing ItemSummary) throws -> Void) throws {
    let used = try window.bytes.withUnsafeBytes { bytes in try skim(bytes, body, window.location) }
    window.consume(used)
    nextAttempt = used == 0 ? window.bytes.count * 2 : 0
  }

  /// Skims complete items from the front; returns how many bytes they take.
  private func skim(
    _ bytes: UnsafeRawBufferPointer, _ body: (borrowing ItemSummary) throws -> Void,
    _ location: (_ position: Int, _ length: Int) -> ItemLocation
  ) throws -> Int {
    var position = 0
    while position < bytes.count {
      let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
      var skimmed: (summary: ItemSummary, byteCount: Int)?
      do {
        skimmed = try ItemCodec.skim(rest, at: location(position, 0))
      } catch let error as FormatError {
        guard let length = try MalformedItem.length(rest, archive: name) else { break }
        MalformedItem.report(error, archive: name, to: monitor)
        position += length
        continue
      }
      guard var summary = skimmed?.summary, let length = skimmed?.byteCount else { break }
      summary.location = location(position, length)
      try body(summary)
      position += length
    }
    return position
  }
}
