/// The metadata object of one archive (archives.md section 4).
public struct ArchiveMetadata: Sendable, Equatable {
  public var name: [UInt8]
  /// Start and end, UTC, as stored: `YYYY-MM-DDTHH:MM:SS.ffffff`.
  public var time: [UInt8]
  public var timeEnd: [UInt8]?
  /// Chunk ids of the item stream, in order.
  public var items: [ChunkID] = []
  public var commandLine: [[UInt8]] = []
  public var recreateCommandLine: [[UInt8]]?
  public var hostname: [UInt8]?
  public var username: [UInt8]?
  public var comment: [UInt8]?
  public var cwd: [UInt8]?
  public var chunkerParameters: MessagePackValue?
  public var size: Int64?
  public var storedSize: Int64?
  public var fileCount: Int64?
  public var sizeParts: Int64?
  public var storedSizeParts: Int64?
  public var fileCountParts: Int64?
  /// The decoded `tam` value, if there is one.
  public var tam: MessagePackValue?
  /// Keys this program does not know; they survive a rename.
  public var unknown: [(key: [UInt8], value: MessagePackValue)] = []

  public init(name: [UInt8], time: [UInt8]) {
    self.name = name
    self.time = time
  }

  public static func == (a: ArchiveMetadata, b: ArchiveMetadata) -> Bool {
    a.encoded(tam: a.tam) == b.encoded(tam: b.tam)
  }

  private static let knownKeys = Set(
    [
      "chunker_params", "cmdline", "comment", "csize", "csize_parts", "cwd", "hostname", "items", "name", "nfiles",
      "nfiles_parts", "recreate_cmdline", "size", "size_parts", "tam", "time", "time_end", "username", "version",
    ].map { Array($0.utf8) })

  /// Decodes the packed plaintext. Throws `FormatError`; an unknown `version` says "Unknown archive metadata version".
  public init(decoding bytes: [UInt8]) throws {
    let value = try MessagePackValue(decoding: bytes)
    let map = FieldMap(value, of: "archive metadata")
    guard try map.int("version") == 1 else { throw FormatError("Unknown archive metadata version") }
    self.init(name: try map.raw("name"), time: try map.raw("time"))
    timeEnd = try map.optionalRaw("time_end")
    items = try map.idArray("items")
    commandLine = try map["cmdline"]?.rawValue.map { $0.isEmpty ? [] : [$0] } ?? map.rawArray("cmdline")
    recreateCommandLine = try map.optionalRawArray("recreate_cmdline")
    hostname = try map.optionalRaw("hostname")
    username = try map.optionalRaw("username")
    comment = try map.optionalRaw("comment")
    cwd = try map.optionalRaw("cwd")
    chunkerParameters = try map["chunker_params"]
    try readStatistics(map)
    tam = try map["tam"]
    unknown = Self.unknownFields(value)
  }

  private mutating func readStatistics(_ map: FieldMap) throws {
    size = try map.optionalInt("size")
    storedSize = try map.optionalInt("csize")
    fileCount = try map.optionalInt("nfiles")
    sizeParts = try map.optionalInt("size_parts")
    storedSizeParts = try map.optionalInt("csize_parts")
    fileCountParts = try map.optionalInt("nfiles_parts")
  }

  private static func unknownFields(_ value: MessagePackValue) -> [(key: [UInt8], value: MessagePackValue)] {
    (value.mapEntries ?? []).compactMap { entry in
      guard let key = entry.key.rawValue, !knownKeys.contains(key) else { return nil }
      return (key, entry.value)
    }
  }

  /// The packed map, keys sorted, with `tam` as given.
  public func encoded(tam: MessagePackValue?) -> [UInt8] {
    var map = SortedMap(unknown)
    map.set("chunker_params", chunkerParameters)
    map.set("cmdline", .array(commandLine.map { .raw($0) }))
    map.set("comment", comment)
    map.set("csize", storedSize)
    map.set("csize_parts", storedSizeParts)
    map.set("cwd", cwd)
    map.set("hostname", hostname)
    map.set("items", .array(items.map { .raw($0.bytes) }))
    map.set("name", name)
    map.set("nfiles", fileCount)
    map.set("nfiles_parts", fileCountParts)
    map.set("recreate_cmdline", recreateCommandLine.map { .array($0.map { .raw($0) }) })
    map.set("size", size)
    map.set("size_parts", sizeParts)
    map.set("tam", tam)
    map.set("time", time)
    map.set("time_end", timeEnd)
    map.set("username", username)
    map.set("version", 1)
    return map.value.encoded()
  }
}
