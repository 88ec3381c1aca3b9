import BorgFormat
import BorgSystem

/// What `prune` does with each archive of a repository that it looks at.
public struct PrunePlan: Sendable {
  public enum Decision: Sendable, Equatable {
    case keep(PruneRules.Reason)
    case keepCheckpoint
    case prune
  }

  public struct Step: Sendable {
    public var entry: Manifest.Entry
    public var decision: Decision
  }

  /// How many archives of which kind.
  public struct Counts: Sendable, Equatable {
    public var archives = 0
    public var checkpoints = 0
  }

  /// Every matching archive, newest first.
  public let steps: [Step]
  /// All of the repository.
  public let present: Counts
  public let matching: Counts
  public let kept: Counts

  public var pruned: Counts {
    Counts(archives: matching.archives - kept.archives, checkpoints: matching.checkpoints - kept.checkpoints)
  }

  /// Plans for the archives whose names, but for a checkpoint's ending, match `glob` (nil: all). Of checkpoints only the
  /// newest is kept, as long as no archive is newer. `now` in nanoseconds since 1970.
  ///
  /// Throws `ArchiveError.plain` for an archive whose time cannot be read: nobody could tell whether it is old.
  public init(
    _ manifest: Manifest, glob: [UInt8]?, rules: PruneRules, now: Int64,
    local: (Int64) -> LocalDate = { LocalDate(nanoseconds: $0) }
  ) throws {
    let matching = try PrunePlan.matching(manifest, glob)
    let archives = matching.filter { !$0.isCheckpoint }
    let reasons = rules.reasons(for: archives.map(\.candidate), now: now, local: local)
    let keptCheckpoint = matching.first.flatMap { $0.isCheckpoint ? $0.entry.name : nil }
    steps = matching.map { archive in
      Step(entry: archive.entry, decision: archive.decision(reasons, keptCheckpoint: keptCheckpoint))
    }
    present = Counts(manifest.archives.map { CheckpointName.isCheckpoint($0.name) })
    self.matching = Counts(matching.map(\.isCheckpoint))
    kept = Counts(zip(matching, steps).filter { $1.decision != .prune }.map { $0.0.isCheckpoint })
  }

  /// Of equally old archives the last one of the manifest comes first.
  private static func matching(_ manifest: Manifest, _ glob: [UInt8]?) throws -> [Archive] {
    let glob = try glob.map(ArchiveNameGlob.init)
    let archives = try manifest.archives.filter { entry in
      guard let glob else { return true }
      return glob.matches(entry.name) || glob.matches(CheckpointName.base(of: entry.name))
    }.map(Archive.init)
    return archives.indices.sorted { a, b in
      archives[a].time == archives[b].time ? a > b : archives[a].time > archives[b].time
    }.map { archives[$0] }
  }

  private struct Archive {
    let entry: Manifest.Entry
    let time: Int64
    let isCheckpoint: Bool

    init(_ entry: Manifest.Entry) throws {
      guard let time = Timestamp.parseUTC(String(decoding: entry.time, as: UTF8.self)) else {
        throw ArchiveError.plain("Archive \(displayText(entry.name)) has no valid time: \(displayText(entry.time))")
      }
      self.entry = entry
      self.time = time
      isCheckpoint = CheckpointName.isCheckpoint(entry.name)
    }

    var candidate: PruneRules.Candidate { PruneRules.Candidate(id: entry.id, time: time) }

    func decision(_ reasons: [ChunkID: PruneRules.Reason], keptCheckpoint: [UInt8]?) -> Decision {
      if isCheckpoint { return entry.name == keptCheckpoint ? .keepCheckpoint : .prune }
      return reasons[entry.id].map(Decision.keep) ?? .prune
    }
  }
}

extension PrunePlan.Counts {
  fileprivate init(_ areCheckpoints: [Bool]) {
    checkpoints = areCheckpoints.count { $0 }
    archives = areCheckpoints.count - checkpoints
  }
}

/// Names of checkpoint archives: `NAME.checkpoint` and `NAME.checkpoint.NUMBER`.
enum CheckpointName {
  static func isCheckpoint(_ name: [UInt8]) -> Bool { base(of: name).count < name.count }

  /// The name without its checkpoint ending, if it has one.
  static func base(of name: [UInt8]) -> [UInt8] {
    let digits = name.reversed().prefix { (0x30...0x39).contains($0) }.count
    let isNumbered = digits > 0 && name.dropLast(digits).last == UInt8(ascii: ".")
    let stem = isNumbered ? name.dropLast(digits + 1) : name[...]
    let ending = ".checkpoint".utf8
    guard stem.count >= ending.count, stem.suffix(ending.count).elementsEqual(ending) else { return name }
    return Array(stem.dropLast(ending.count))
  }
}
