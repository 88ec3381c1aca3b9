/// The decoded manifest (archives.md section 2).
public struct ManifestData: Sendable {
  public struct ArchiveEntry: Sendable, Equatable {
    public var name: [UInt8]
    public var id: ChunkID
    /// UTC, as stored.
    public var time: [UInt8]

    public init(name: [UInt8], id: ChunkID, time: [UInt8]) {
      self.name = name
      self.id = id
      self.time = time
    }
  }

  /// In the order in which they were stored.
  public var archives: [ArchiveEntry] = []
  /// UTC, as stored.
  public var timestamp: [UInt8]?
  /// The whole `config` map, kept as loaded.
  public var config: [(key: [UInt8], value: MessagePackValue)] = []
  public var itemKeys: [[UInt8]] = ItemCodec.knownKeys
  public var tam: MessagePackValue?

  public init() {}

  /// Decodes the packed plaintext. Throws `FormatError`; version other than 1 or 2 says "Invalid manifest version".
  /// Keys of `archives` that stand twice count once, with the last value, as Python reads them.
  public init(decoding bytes: [UInt8]) throws {
    let map = FieldMap(try MessagePackValue(decoding: bytes), of: "manifest")
    let version = try map.optionalInt("version")
    guard version == 1 || version == 2 else { throw FormatError("Invalid manifest version") }
    archives = try Self.archives(try map.optionalMap("archives") ?? [])
    timestamp = try map.optionalRaw("timestamp")
    config = try Self.config(try map.optionalMap("config") ?? [])
    itemKeys = try Self.itemKeys(stored: map.optionalRawArray("item_keys") ?? [])
    tam = try map["tam"]
  }

  /// The packed map (version 1, keys and archives sorted by name), with `tam` as given.
  public func encoded(tam: MessagePackValue?) -> [UInt8] {
    var map = SortedMap()
    map.set("archives", SortedMap(archives.map { ($0.name, Self.value(of: $0)) }).value)
    map.set("config", SortedMap(config).value)
    map.set("item_keys", .array(itemKeys.map { .raw($0) }))
    map.set("tam", tam)
    map.set("timestamp", timestamp)
    map.set("version", 1)
    return map.value.encoded()
  }

  private static func archives(_ entries: [MessagePackValue.Entry]) throws -> [ArchiveEntry] {
    var archives: [ArchiveEntry] = []
    var positions: [[UInt8]: Int] = [:]
    archives.reserveCapacity(entries.count)
    for entry in entries {
      guard let name = entry.key.rawValue else { throw FormatError("manifest: an archive's name is not text") }
      let map = FieldMap(entry.value, of: "manifest archive")
      guard let id = ChunkID(try map.raw("id")) else { throw FormatError("manifest: an archive's id is not one") }
      let archive = ArchiveEntry(name: name, id: id, time: try map.raw("time"))
      if let position = positions.updateValue(archives.count, forKey: name) {
        archives[position] = archive
        positions[name] = position
      } else {
        archives.append(archive)
      }
    }
    return archives
  }

  private static func config(
    _ entries: [MessagePackValue.Entry]
  ) throws -> [(key: [UInt8], value: MessagePackValue)] {
    try entries.map { entry in
      guard let key = entry.key.rawValue else { throw FormatError("manifest: a config key is not text") }
      return (key, entry.value)
    }
  }

  /// The stored keys with those that this program knows, sorted.
  private static func itemKeys(stored: [[UInt8]]) -> [[UInt8]] {
    Set(stored).union(ItemCodec.knownKeys).sorted { $0.lexicographicallyPrecedes($1) }
  }

  private static func value(of archive: ArchiveEntry) -> MessagePackValue {
    var map = SortedMap()
    map.set("id", archive.id.bytes)
    map.set("time", archive.time)
    return map.value
  }
}
