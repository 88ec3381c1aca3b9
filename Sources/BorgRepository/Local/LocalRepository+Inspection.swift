import BorgFormat
import BorgSystem
import Synchronization

extension LocalRepository {
  /// The bytes that the objects which count take in the segments, as the last transaction noted.
  public func storedBytes() throws -> Int64 { try core.withLock { try $0.storageQuotaUse() } }
}

/// What `borg debug` looks at below the level of objects.
extension LocalRepository {
  /// One entry of a segment, whether it still counts or not.
  public struct RawEntry: Sendable {
    public var tag: SegmentEntryHeader.Tag
    /// Nil for a COMMIT.
    public var id: ChunkID?
    /// Of a PUT.
    public var object: [UInt8]?
    public var segment: Int
    public var offset: Int
  }

  /// All entries of all segments, or those of one, or the one at `offset` in each; until `body` returns false. Damaged
  /// segments are reported and left at the damage.
  public func forEachRawEntry(
    segment wanted: Int? = nil, offset: Int? = nil, _ body: (RawEntry) throws -> Bool
  ) throws {
    var goesOn = true
    for segment in try segments(wanted) where goesOn {
      let (file, monitor) = try core.withLock { core in (try core.store.file(segment), core.monitor) }
      do {
        try SegmentScanner(file, segment: segment, offset: offset ?? 0).forEach { entry in
          if let offset, entry.offset > offset { return false }
          goesOn = try body(RawEntry(entry, in: segment))
          return goesOn
        }
      } catch let error as IntegrityError {
        monitor.error(
          "Segment \(segment) (\(displayText(file.path))) has IntegrityError(s) [\(error.description)] - skipping.",
          logger: repositoryLogger)
      }
    }
  }

  private func segments(_ wanted: Int?) throws -> [Int] {
    try core.withLock { core in
      var segments: [Int] = []
      try core.store.files.forEach(from: wanted ?? 0) { segment in
        if let wanted, segment > wanted { return false }
        segments.append(segment)
        return true
      }
      return segments
    }
  }

  /// The hints as of the last commit.
  public func hintsDocument() throws -> JSONValue {
    try core.withLock { core in
      defer { core.rollback() }
      let hints = try core.openTransaction().0.hints
      var shadows: [(key: String, value: JSONValue)] = []
      hints.shadow.forEach { id, segments in shadows.append((id.hex, .array(segments.map { .int(Int64($0)) }))) }
      return .object([
        ("segments", Self.document(hints.segments)), ("compact", Self.document(hints.compact)),
        ("storage_quota_use", .int(hints.storageQuotaUse)), ("shadow_index", .object(shadows)),
      ])
    }
  }

  private static func document(_ map: OrderedMap<Int, Int>) -> JSONValue {
    var members: [(key: String, value: JSONValue)] = []
    map.forEach { members.append((String($0), .int(Int64($1)))) }
    return .object(members)
  }
}

extension LocalRepository.RawEntry {
  fileprivate init(_ entry: SegmentScanner.Entry, in segment: Int) {
    tag = entry.tag
    id = entry.tag == .commit ? nil : entry.id
    object = entry.tag == .put ? Array(entry.object) : nil
    self.segment = segment
    offset = entry.offset
  }
}
