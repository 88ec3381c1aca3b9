import BorgArchive

/// The options of `prune`, and its explanation.
enum PruneOptions {
  static let all: [OptionDeclaration] =
    [
      OptionDeclaration("-n", "--dry-run", help: "change nothing"),
      OptionDeclaration("--force", help: "delete damaged archives, too"),
    ] + StatisticsOptions.declarations + [
      OptionDeclaration("--list", help: "list the archives that are kept, with the reason, and those that are pruned"),
      OptionDeclaration(
        "--keep-within", action: .value(.interval), metavar: "INTERVAL",
        help: "keep everything that is younger than INTERVAL: a number and H, d, w, m or y"),
    ] + rules.map(\.option) + ArchiveFilterOptions.patternDeclarations + [
      OptionDeclaration("--save-space", help: "accepted for compatibility"),
      OptionDeclaration(
        "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS",
        help: "commit every SECONDS, 0: only at the end (default: 1800)"),
    ]

  static let exclusive = [["--keep-13weekly", "--keep-3monthly"], ["--prefix", "--glob-archives"]]

  private static let rules: [(rule: PruneRules.Rule, option: OptionDeclaration)] = [
    (
      .secondly,
      OptionDeclaration(
        "--keep-last", "--keep-secondly", action: .value(.integer), metavar: "SECONDLY",
        help: "how many archives to keep, one a second")
    ),
    (
      .minutely,
      OptionDeclaration("--keep-minutely", action: .value(.integer), metavar: "MINUTELY", help: "one a minute")
    ),
    (
      .hourly,
      OptionDeclaration("-H", "--keep-hourly", action: .value(.integer), metavar: "HOURLY", help: "one an hour")
    ),
    (.daily, OptionDeclaration("-d", "--keep-daily", action: .value(.integer), metavar: "DAILY", help: "one a day")),
    (
      .weekly,
      OptionDeclaration("-w", "--keep-weekly", action: .value(.integer), metavar: "WEEKLY", help: "one an ISO week")
    ),
    (
      .monthly,
      OptionDeclaration("-m", "--keep-monthly", action: .value(.integer), metavar: "MONTHLY", help: "one a month")
    ),
    (
      .thirteenWeekly,
      OptionDeclaration(
        "--keep-13weekly", action: .value(.integer), metavar: "QUARTERLY_13WEEKLY",
        help: "one a quarter of 13 ISO weeks")
    ),
    (
      .threeMonthly,
      OptionDeclaration(
        "--keep-3monthly", action: .value(.integer), metavar: "QUARTERLY_3MONTHLY", help: "one a quarter of a year")
    ),
    (
      .yearly, OptionDeclaration("-y", "--keep-yearly", action: .value(.integer), metavar: "YEARLY", help: "one a year")
    ),
  ]

  /// What the --keep options say.
  static func rules(_ arguments: ParsedArguments) -> PruneRules {
    var result = PruneRules(withinHours: arguments.integer("--keep-within"))
    for (rule, option) in rules { result.counts[rule] = arguments.integer(option.key) }
    return result
  }

  static let epilog = """
    Deletes archives that no rule keeps. The rules are applied in this order: within, secondly, minutely, hourly, daily,
    weekly, monthly, 13weekly or 3monthly, yearly. Each keeps the newest archive of so many of its periods in local time;
    an archive that an earlier rule keeps does not count again. A negative number is no limit. A rule that finds too few
    archives keeps the oldest one as well. Checkpoints are deleted, but for one that is newer than all archives.

    Use --glob-archives when a repository holds archives of several machines or directories: otherwise all of them are
    taken for one series. Use --dry-run --list to see first what would be deleted.

    Pruning frees no space until "borg compact" is run.

    Examples:

        borg prune --dry-run --list --keep-daily 7 --keep-weekly 4 /srv/repo
        borg prune --keep-within 2d --keep-monthly -1 --glob-archives '{hostname}-*' /srv/repo
    """
}
