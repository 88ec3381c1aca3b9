import BorgFormat
import BorgSystem

/// How transactions end in segments (repository.md section 8).
extension SegmentStore {
  /// The highest committed segment: the number of the last transaction.
  func latestCommittedSegment() throws -> Int? {
    var found: Int?
    try files.forEachBackwards { segment in
      if try isCommitted(segment) { found = segment }
      return found == nil
    }
    return found
  }

  /// Whether the segment is intact and ends with a COMMIT that only COMMITs follow (section 8).
  func isCommitted(_ segment: Int) throws -> Bool {
    guard try endsLikeCommit(segment) else { return false }
    var tags = CommitOrder()
    do {
      try scan(segment) { tags.accept($0.tag) }
    } catch is IntegrityError {
      return false
    }
    return tags.isCommitted
  }

  private func endsLikeCommit(_ segment: Int) throws -> Bool {
    let file = try file(segment)
    let start = try file.size() - Int64(SegmentEntryHeader.size)
    guard start >= 0 else { return false }
    return try withUnsafeTemporaryAllocation(byteCount: SegmentEntryHeader.size, alignment: 1) { tail in
      let count = try file.read(into: tail, at: start)
      return tail[..<count].elementsEqual(SegmentEntryHeader.commit)
    }
  }

  private struct CommitOrder {
    private(set) var isCommitted = false

    mutating func accept(_ tag: SegmentEntryHeader.Tag) -> Bool {
      if tag == .commit { isCommitted = true } else if isCommitted { return reject() }
      return true
    }

    private mutating func reject() -> Bool {
      isCommitted = false
      return false
    }
  }

  /// Whether the segments look like a first transaction that was killed: numbered from 0 without gaps, all intact
  /// but the last, and no COMMIT among them. So do no segments at all.
  func holdsUnfinishedFirstTransaction() throws -> Bool {
    let latest = try files.latest()
    var expected = 0
    var isUnfinished = true
    try files.forEach { segment in
      isUnfinished = try segment == expected && !hasCommit(segment, mayBeTorn: segment == latest)
      expected += 1
      return isUnfinished
    }
    return isUnfinished
  }

  private func hasCommit(_ segment: Int, mayBeTorn: Bool) throws -> Bool {
    var found = false
    do {
      try scan(segment) { entry in
        found = entry.tag == .commit
        return !found
      }
    } catch is IntegrityError {
      return !mayBeTorn
    }
    return found
  }

  /// Whether the segment is one of Attic, Borg's forerunner.
  func hasAtticMagic(_ segment: Int) throws -> Bool {
    let file = try file(segment)
    return try withUnsafeTemporaryAllocation(byteCount: SegmentEntryHeader.magic.count, alignment: 1) { start in
      let count = try file.read(into: start, at: 0)
      return start[..<count].elementsEqual(AtticConversion.segmentMagic)
    }
  }
}
