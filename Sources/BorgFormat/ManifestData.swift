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
  public init(decoding bytes: [UInt8]) throws {
    fatalError("contract: BorgFormat")
  }

  /// The packed map (version 1, keys and archives sorted by name), with `tam` as given.
  public func encoded(tam: MessagePackValue?) -> [UInt8] {
    fatalError("contract: BorgFormat")
  }
}
