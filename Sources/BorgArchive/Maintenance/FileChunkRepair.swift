import BorgFormat
import BorgObjects
import BorgSystem

/// Mends the chunk list of one item: zeros take the place of missing chunks, the old list is remembered, and chunks
/// that have come back take their place again (archives.md section 8).
struct FileChunkRepair {
  enum Outcome {
    case unchanged
    /// The item, packed anew.
    case changed([UInt8])
    /// No repository can hold such chunks.
    case hopeless(String)
  }

  private let archive: [UInt8]
  private let state: CheckState

  init(_ archive: [UInt8], _ state: CheckState) {
    self.archive = archive
    self.state = state
  }

  /// Adds a reference for each chunk of the new list. Everything else of the item stays as it was packed.
  func run(_ packed: [UInt8]) throws -> Outcome {
    guard let value = try? MessagePackValue(decoding: packed), case .map(var fields) = value else {
      return .hopeless("not a dictionary of plain values")
    }
    let item = MessagePackValue.map(fields)
    guard let current = FileChunkRepair.list(item["chunks"]) else { return .unchanged }
    var file = File(name: "\(displayText(archive)): \(displayText(item["path"]?.rawValue ?? []))", current: current)
    file.healthy = FileChunkRepair.list(item["chunks_healthy"])
    let largest = (current + (file.healthy ?? [])).map(\.size).max() ?? 0
    guard Int(largest) <= ObjectCodec.maximumObjectSize else { return .hopeless("impossible chunk size") }
    let (list, healthy) = try repaired(file)
    checkSize(item, list)
    guard list != current || healthy != file.healthy else { return .unchanged }
    FileChunkRepair.set("chunks", list, in: &fields)
    FileChunkRepair.set("chunks_healthy", healthy, in: &fields)
    return .changed(MessagePackValue.map(fields).encoded())
  }

  private struct File {
    let name: String
    let current: [ChunkListEntry]
    var healthy: [ChunkListEntry]?
  }

  private func repaired(_ file: File) throws -> (list: [ChunkListEntry], healthy: [ChunkListEntry]?) {
    var remembered = file.healthy
    if let healthy = remembered, healthy.count != file.current.count {
      say(
        .warning, file, "Invalid chunks_healthy metadata removed!",
        "Invalid chunks_healthy metadata would be removed with --repair!")
      remembered = nil
    }
    let healthy = remembered ?? file.current
    var list: [ChunkListEntry] = []
    var isReplaced = false
    var offset: Int64 = 0
    for (now, wanted) in zip(file.current, healthy) {
      let place = "(Byte \(offset)-\(offset + Int64(wanted.size)), Chunk \(wanted.id.hex))"
      let chunk = try choose(now: now, wanted: wanted, file, place, &isReplaced)
      list.append(chunk)
      offset += Int64(chunk.size)
    }
    if isReplaced, remembered == nil { return (list, file.current) }
    guard let remembered, list == remembered else { return (list, remembered) }
    say(
      .info, file, "Completely healed previously damaged file!", "Would completely heal damaged file with --repair!")
    return (list, nil)
  }

  private func choose(
    now: ChunkListEntry, wanted: ChunkListEntry, _ file: File, _ place: String, _ isReplaced: inout Bool
  ) throws -> ChunkListEntry {
    if state.references.add(wanted.id) {
      guard now != wanted else { return wanted }
      say(
        .info, file, "Healed previously missing file chunk! \(place)",
        "Missing file chunk would be healed with --repair! \(place)")
      state.supersede([now.id])
      return wanted
    }
    if now == wanted {
      say(
        .error, file, "New missing file chunk detected \(place). Replacing with all-zero chunk.",
        "New missing file chunk detected \(place). Would replace it with all-zero chunk with --repair.")
    } else {
      say(
        .info, file,
        "Previously missing file chunk is still missing \(place). "
          + "It has an all-zero replacement chunk already.")
      if state.references.add(now.id) { return now }
      say(
        .warning, file, "Missing all-zero replacement chunk detected \(place). Generating new replacement chunk.",
        "Missing all-zero replacement chunk detected \(place). Would generate new replacement chunk with --repair.")
    }
    state.noteError()
    isReplaced = true
    return try state.zeroChunk(size: wanted.size)
  }

  private func say(_ level: LogLevel, _ file: File, _ done: String, _ planned: String? = nil) {
    let text = state.repairs ? done : planned ?? done
    state.monitor.log(LogRecord(level, logger: CheckState.logger, "\(file.name): \(text)"))
  }

  // MARK: Sizes

  /// An inconsistency stays, so that extract can warn about it.
  private func checkSize(_ item: MessagePackValue, _ list: [ChunkListEntry]) {
    let actual = list.reduce(Int64(0)) { $0 &+ Int64($1.size) }
    guard let stated = item["size"]?.intValue, stated != actual else { return }
    FileChunkRepair.warn(archive, item["path"]?.rawValue ?? [], stated, actual, state)
  }

  static func warn(_ archive: [UInt8], _ path: [UInt8], _ stated: Int64, _ actual: Int64, _ state: CheckState) {
    state.monitor.note(
      "\(displayText(archive)): \(displayText(path)): size inconsistency detected: size \(stated), "
        + "chunks size \(actual)", logger: CheckState.logger)
  }

  // MARK: Packed lists

  private static func list(_ value: MessagePackValue?) -> [ChunkListEntry]? {
    value?.arrayValue?.compactMap { entry in
      guard let fields = entry.arrayValue, fields.count == 3, let id = fields[0].rawValue.flatMap({ ChunkID($0) }),
        let size = fields[1].intValue.flatMap({ UInt32(exactly: $0) }),
        let storedSize = fields[2].intValue.flatMap({ UInt32(exactly: $0) })
      else { return nil }
      return ChunkListEntry(id: id, size: size, storedSize: storedSize)
    }
  }

  /// Replaces a field, or puts it where its key belongs; nil takes it out.
  private static func set(_ key: String, _ list: [ChunkListEntry]?, in fields: inout [MessagePackValue.Entry]) {
    let key = Array(key.utf8)
    fields.removeAll { $0.key.rawValue == key }
    guard let list else { return }
    let value = MessagePackValue.array(
      list.map { .array([.raw($0.id.bytes), .int(Int64($0.size)), .int(Int64($0.storedSize))]) })
    let place = fields.firstIndex { key.lexicographicallyPrecedes($0.key.rawValue ?? []) } ?? fields.count
    fields.insert(.init(key: .raw(key), value: value), at: place)
  }
}
