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

  /// Decodes the packed plaintext. Throws `FormatError`; an unknown `version` says "Unknown archive metadata version".
  public init(decoding bytes: [UInt8]) throws {
    fatalError("contract: BorgFormat")
  }

  /// The packed map, keys sorted, with `tam` as given.
  public func encoded(tam: MessagePackValue?) -> [UInt8] {
    fatalError("contract: BorgFormat")
  }
}
