import BorgFormat

/// Which archives `prune` keeps, and why (cli.md 8.8). Pure: the same archives and rules give the same answer.
public struct PruneRules: Sendable, Equatable {
  /// The period rules by their Borg names, in the order in which they are applied.
  public enum Rule: String, Sendable, CaseIterable {
    case secondly, minutely, hourly, daily, weekly, monthly
    case thirteenWeekly = "quarterly_13weekly"
    case threeMonthly = "quarterly_3monthly"
    case yearly
  }

  public struct Candidate: Sendable, Equatable {
    public var id: ChunkID
    /// Start in nanoseconds since 1970.
    public var time: Int64

    public init(id: ChunkID, time: Int64) {
      self.id = id
      self.time = time
    }
  }

  /// `RULE #NUMBER`: the how-many-eth archive that the rule keeps.
  public struct Reason: Sendable, Equatable {
    public var rule: String
    public var number: Int
  }

  /// Everything that began less than so many hours ago is kept.
  public var withinHours: Int?
  /// How many archives each rule keeps at most: 0 none, negative no limit.
  public var counts: [Rule: Int]

  public init(withinHours: Int? = nil, counts: [Rule: Int] = [:]) {
    self.withinHours = withinHours
    self.counts = counts
  }

  /// Whether no rule would keep anything, which `prune` refuses.
  public var isEmpty: Bool { withinHours == nil && counts.values.allSatisfy { $0 == 0 } }

  /// The kept ones of `candidates` with their reasons. Of equally old ones the first counts as the newest. `local`
  /// tells the local date and time of a moment in nanoseconds since 1970.
  public func reasons(
    for candidates: [Candidate], now: Int64, local: (Int64) -> LocalDate
  ) -> [ChunkID: Reason] {
    var keeper = Keeper(candidates: PruneRules.newestFirst(candidates))
    if let withinHours { keeper.keep(within: withinHours, now: now) }
    let dates = keeper.candidates.map { local($0.time) }
    for rule in Rule.allCases { keeper.keep(counts[rule] ?? 0, by: rule, dates) }
    return keeper.reasons
  }

  private static func newestFirst(_ candidates: [Candidate]) -> [Candidate] {
    candidates.indices.sorted { a, b in
      candidates[a].time == candidates[b].time ? a < b : candidates[a].time > candidates[b].time
    }.map { candidates[$0] }
  }
}

/// Applies one rule after another; what an earlier one keeps, a later one does not count.
private struct Keeper {
  /// Newest first.
  let candidates: [PruneRules.Candidate]
  var reasons: [ChunkID: PruneRules.Reason] = [:]

  mutating func keep(within hours: Int, now: Int64) {
    let (span, overflow) = Int64(clamping: hours).multipliedReportingOverflow(by: 3600 * 1_000_000_000)
    let (start, underflow) = now.subtractingReportingOverflow(overflow ? .max : span)
    var number = 0
    for candidate in candidates where underflow || candidate.time > start {
      number += 1
      reasons[candidate.id] = PruneRules.Reason(rule: "within", number: number)
    }
  }

  /// The newest archive of each period, until there are `count`; if there are fewer, the oldest archive as well.
  mutating func keep(_ count: Int, by rule: PruneRules.Rule, _ dates: [LocalDate]) {
    guard count != 0, let oldest = candidates.last else { return }
    var kept = 0
    var last: LocalDate.Period?
    for (candidate, date) in zip(candidates, dates) {
      let period = date.period(of: rule)
      guard period != last else { continue }
      last = period
      guard reasons[candidate.id] == nil else { continue }
      kept += 1
      reasons[candidate.id] = PruneRules.Reason(rule: rule.rawValue, number: kept)
      if kept == count { return }
    }
    guard kept < count, reasons[oldest.id] == nil else { return }
    reasons[oldest.id] = PruneRules.Reason(rule: rule.rawValue + "[oldest]", number: kept + 1)
  }
}
