import BorgArchive
import BorgFormat
import BorgSystem
import Testing

@Suite struct PruneRulesTests {
  private static let day: Int64 = 86_400_000_000_000
  /// 2026-01-01 00:00 UTC, a Thursday.
  private static let newYear: Int64 = 1_767_225_600_000_000_000

  private static func id(_ number: Int) -> ChunkID {
    ChunkID(words: (UInt64(number), 0, 0, 0))
  }

  /// One archive a day, the first on new year's day; `count` of them, newest first.
  private static func days(_ count: Int) -> [PruneRules.Candidate] {
    (0..<count).reversed().map { PruneRules.Candidate(id: id($0), time: newYear + Int64($0) * day) }
  }

  private func kept(
    _ rules: PruneRules, _ candidates: [PruneRules.Candidate], now: Int64 = newYear + 90 * day
  ) -> [String] {
    let reasons = rules.reasons(for: candidates, now: now) { LocalDate(nanoseconds: $0, utc: true) }
    return candidates.compactMap { candidate in
      reasons[candidate.id].map { "\(candidate.id.bytes[0]) \($0.rule) \($0.number)" }
    }
  }

  @Test func `each period keeps its newest archive`() {
    #expect(
      kept(PruneRules(counts: [.daily: 2, .monthly: 2]), Self.days(60)) == [
        "59 daily 1", "58 daily 2", "30 monthly 1", "0 monthly[oldest] 2",
      ])
  }

  @Test func `what an earlier rule keeps uses up the period of a later one`() {
    #expect(
      kept(PruneRules(counts: [.daily: 1, .weekly: 2]), Self.days(20)) == [
        "19 daily 1", "17 weekly 1", "10 weekly 2",
      ])
  }

  @Test func `the span counts from now, and its border is outside`() {
    let rules = PruneRules(withinHours: 48)
    #expect(kept(rules, Self.days(4), now: Self.newYear + 4 * Self.day) == ["3 within 1"])
    #expect(kept(PruneRules(withinHours: .max), Self.days(2)).count == 2)
  }

  @Test func `a negative number is no limit and does not keep the oldest`() {
    #expect(kept(PruneRules(counts: [.yearly: -1]), Self.days(3)) == ["2 yearly 1"])
    #expect(kept(PruneRules(counts: [.yearly: 2]), Self.days(3)) == ["2 yearly 1", "0 yearly[oldest] 2"])
    #expect(kept(PruneRules(counts: [.yearly: 0]), Self.days(3)) == [])
  }

  @Test func `nothing asked for is empty, and zeros too`() {
    #expect(PruneRules().isEmpty && PruneRules(counts: [.daily: 0]).isEmpty)
    #expect(!PruneRules(counts: [.daily: -1]).isEmpty && !PruneRules(withinHours: 1).isEmpty)
  }

  @Test(
    arguments: [
      ("2021-01-03T12:00:00", 2020, 53), ("2021-01-04T00:00:00", 2021, 1), ("2019-12-30T00:00:00", 2020, 1),
      ("2016-01-03T00:00:00", 2015, 53), ("2024-12-31T23:59:59", 2025, 1), ("2026-06-15T00:00:00", 2026, 25),
    ])
  func `weeks are ISO weeks`(text: String, year: Int, week: Int) throws {
    let time = try #require(Timestamp.parseUTC(text))
    #expect(LocalDate(nanoseconds: time, utc: true).isoWeek == (year, week))
  }
}

@Suite struct PrunePlanTests {
  private func plan(_ names: [(String, String)], glob: String? = nil, _ rules: PruneRules) throws -> PrunePlan {
    var manifest = Manifest(data: ManifestData())
    for (index, (name, time)) in names.enumerated() {
      let id = ChunkID(words: (UInt64(index), 0, 0, 0))
      manifest.set(Manifest.Entry(name: Array(name.utf8), id: id, time: Array(time.utf8)))
    }
    return try PrunePlan(manifest, glob: glob.map { Array($0.utf8) }, rules: rules, now: 0) {
      LocalDate(nanoseconds: $0, utc: true)
    }
  }

  private func lines(_ plan: PrunePlan) -> [String] {
    plan.steps.map { step in
      let name = String(decoding: step.entry.name, as: UTF8.self)
      return switch step.decision {
      case .keep(let reason): "\(name) \(reason.rule) \(reason.number)"
      case .keepCheckpoint: "\(name) checkpoint"
      case .prune: "\(name) -"
      }
    }
  }

  private static let names = [
    ("a", "2026-01-01T10:00:00.000000"), ("b.checkpoint", "2026-01-02T10:00:00.000000"),
    ("b.checkpoint.1", "2026-01-03T10:00:00.000000"), ("c", "2026-01-01T11:00:00.500000"),
    ("c.checkpoint.x", "2025-01-01T11:00:00"),
  ]

  @Test func `only a checkpoint that is newer than all archives stays`() throws {
    let plan = try plan(Self.names, PruneRules(counts: [.daily: 1]))
    #expect(
      lines(plan) == ["b.checkpoint.1 checkpoint", "b.checkpoint -", "c daily 1", "a -", "c.checkpoint.x -"])
    #expect(plan.present.archives == 3 && plan.present.checkpoints == 2)
    #expect(plan.pruned.archives == 2 && plan.pruned.checkpoints == 1)
    let older = try self.plan(Self.names + [("d", "2026-01-04T00:00:00.0")], PruneRules(counts: [.daily: 1]))
    #expect(lines(older).prefix(3) == ["d daily 1", "b.checkpoint.1 -", "b.checkpoint -"])
  }

  @Test func `a glob takes the checkpoints of the archives that it matches`() throws {
    let plan = try plan(Self.names, glob: "b", PruneRules(counts: [.daily: 1]))
    #expect(lines(plan) == ["b.checkpoint.1 checkpoint", "b.checkpoint -"])
    #expect(plan.matching.archives == 0 && plan.matching.checkpoints == 2)
  }

  @Test func `a time that cannot be read stops it`() throws {
    #expect(throws: ArchiveError.self) {
      try plan([("a", "yesterday")], PruneRules(counts: [.daily: 1]))
    }
  }
}
