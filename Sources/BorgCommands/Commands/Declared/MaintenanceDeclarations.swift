/// Command lines that are known but cannot be carried out yet: maintenance.
extension CommandTable {
  static let prune = CommandDeclaration(
    "prune", title: "Delete archives by retention rules",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
    ],
    options: [
      OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
      OptionDeclaration("--force", help: "ignore damage while deleting"),
    ]
      + StatisticsOptions.declarations
      + [
        OptionDeclaration("--list", help: "list kept and pruned archives"),
        OptionDeclaration(
          "--keep-within", action: .value(.text), metavar: "INTERVAL",
          help: "keep everything younger than this interval"),
        OptionDeclaration(
          "--keep-last", "--keep-secondly", action: .value(.integer), metavar: "SECONDLY",
          help: "number of archives to keep, one per second"),
        OptionDeclaration("--keep-minutely", action: .value(.integer), metavar: "MINUTELY", help: "one per minute"),
        OptionDeclaration("-H", "--keep-hourly", action: .value(.integer), metavar: "HOURLY", help: "one per hour"),
        OptionDeclaration("-d", "--keep-daily", action: .value(.integer), metavar: "DAILY", help: "one per day"),
        OptionDeclaration("-w", "--keep-weekly", action: .value(.integer), metavar: "WEEKLY", help: "one per ISO week"),
        OptionDeclaration("-m", "--keep-monthly", action: .value(.integer), metavar: "MONTHLY", help: "one per month"),
        OptionDeclaration(
          "--keep-13weekly", action: .value(.integer), metavar: "QUARTERLY_13WEEKLY",
          help: "one per quarter of 13 ISO weeks"),
        OptionDeclaration(
          "--keep-3monthly", action: .value(.integer), metavar: "QUARTERLY_3MONTHLY", help: "one per calendar quarter"),
        OptionDeclaration("-y", "--keep-yearly", action: .value(.integer), metavar: "YEARLY", help: "one per year"),
      ]
      + ArchiveFilterOptions.patternDeclarations
      + [
        OptionDeclaration("--save-space", help: "accepted, no effect in 1.4"),
        OptionDeclaration(
          "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS",
          help: "seconds between checkpoints, 0 = never"),
      ],
    exclusive: [["--keep-13weekly", "--keep-3monthly"], ["--prefix", "--glob-archives"]],
    epilog: """
      Deletes archives that no rule keeps. Rules apply in this order: within, secondly, minutely, hourly, daily, weekly,
      monthly, quarterly, yearly; each keeps the newest archive of so many of its periods. Use -a to stay within one
      series of archives, and --dry-run --list to see first. Space is freed by "borg compact".
      """)

  static let compact = CommandDeclaration(
    "compact", title: "Free space by rewriting sparse segments",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
    ],
    options: [
      OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
      OptionDeclaration("--cleanup-commits", help: "also drop 17-byte segments that hold only a commit"),
      OptionDeclaration(
        "--threshold", action: .value(.integer), metavar: "PERCENT",
        help: "minimum percentage of a segment that must be free to compact it"),
    ],
    epilog: """
      Frees the space of deleted objects by rewriting segments with much of it.
      """)

  static let recreate = CommandDeclaration(
    "recreate", title: "Rewrite archives",
    positionals: [
      PositionalDeclaration("REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive"),
      PositionalDeclaration("PATH", .zeroOrMore, .path, help: "keep only these paths"),
    ],
    options: [
      OptionDeclaration("--list", help: "report every processed object"),
      OptionDeclaration(
        "--filter", action: .value(.text), metavar: "STATUSCHARS", onceOnly: true,
        help: "with --list: show only lines whose status letter is in this set"),
      OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
      OptionDeclaration("-s", "--stats", help: "print statistics at the end"),
    ]
      + ExclusionOptions.declarations
      + ExclusionOptions.tagDeclarations
      + [
        OptionDeclaration(
          "--target", action: .value(.archiveName), metavar: "TARGET", group: .archive,
          help: "write a new archive of this name and keep the original"),
        OptionDeclaration(
          "-c", "--checkpoint-interval", action: .value(.integer), metavar: "SECONDS", group: .archive,
          help: "seconds between checkpoints, 0 = never"),
        OptionDeclaration(
          "--comment", action: .value(.expanded), metavar: "COMMENT", group: .archive,
          help: "new comment (placeholders are expanded); default keep"),
        OptionDeclaration(
          "--timestamp", action: .value(.timestamp), metavar: "TIMESTAMP", group: .archive,
          help: "archive start time: UTC timestamp or path of a file whose mtime is used"),
        OptionDeclaration(
          "-C", "--compression", action: .value(.compression), metavar: "COMPRESSION", group: .archive,
          help: "compression specification"),
        OptionDeclaration(
          "--recompress", action: .optionalValue(.choice(["never", "if-different", "always"]), bare: "if-different"),
          metavar: "MODE", group: .archive, help: "when to recompress chunks; without value: if-different"),
        OptionDeclaration(
          "--chunker-params", action: .value(.chunkerParameters), metavar: "PARAMS", group: .archive, onceOnly: true,
          help: "re-chunk with these parameters"),
      ],
    epilog: """
      Rewrites archives: leaves out paths, changes comments, recompresses or cuts chunks anew. The original is replaced
      when its successor is complete.
      """)

  static let upgrade = CommandDeclaration(
    "upgrade", title: "Upgrade repository format / TAM state",
    positionals: [
      PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden), help: "repository")
    ],
    options: [
      OptionDeclaration("-n", "--dry-run", help: "simulate only, change nothing"),
      OptionDeclaration("--inplace", help: "do not make a hardlink copy first"),
      OptionDeclaration("--force", help: "with --tam/--archives-tam: accept an unauthenticated manifest"),
      OptionDeclaration("--tam", help: "require manifest authentication"),
      OptionDeclaration("--check-tam", help: "report manifest authentication state"),
      OptionDeclaration("--disable-tam", help: "stop requiring manifest authentication"),
      OptionDeclaration("--check-archives-tam", help: "report archive authentication state"),
      OptionDeclaration("--archives-tam", help: "authenticate all archives"),
    ],
    epilog: """
      Brings a repository's format or its archives' authentication up to date.
      """)
}
