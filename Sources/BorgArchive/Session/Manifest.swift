import BorgFormat

/// The list of archives as a command sees and changes it.
public struct Manifest: Sendable {
  public var data: ManifestData
  public typealias Entry = ManifestData.ArchiveEntry

  public init(data: ManifestData) { self.data = data }
  public func entry(named name: [UInt8]) -> Entry? { fatalError("contract: BorgArchive session") }
  public mutating func set(_ entry: Entry) { fatalError("contract: BorgArchive session") }
  public mutating func remove(named name: [UInt8]) { fatalError("contract: BorgArchive session") }
  /// Selects and sorts archives (patterns-and-formats.md section 3).
  public func select(_ selection: ArchiveSelection) throws -> [Entry] { fatalError("contract: BorgArchive session") }
}

/// --glob-archives/--prefix, --sort-by, --first/--last, --consider-checkpoints.
public struct ArchiveSelection: Sendable {
  public enum SortKey: String, Sendable, CaseIterable { case timestamp, archive, name, id }

  public var glob: [UInt8]?
  public var sortKeys: [SortKey] = [.timestamp]
  public var first: Int?
  public var last: Int?
  public var considersCheckpoints = false

  public init() {}
}
