/// --stats and --quick-stats: what is counted at the end.
enum StatisticsOptions: Sendable {
  case none, quick, full

  /// Throws `CommandLineRefusal` when both are given. A dry run has no statistics.
  init(_ arguments: ParsedArguments) throws {
    let (full, quick) = (arguments.has("--stats"), arguments.has("--quick-stats"))
    if full, quick { throw CommandLineRefusal("--stats and --quick-stats are mutually exclusive.") }
    if arguments.has("--dry-run") { self = .none } else { self = full ? .full : quick ? .quick : .none }
  }

  static let declarations: [OptionDeclaration] = [
    OptionDeclaration("-s", "--stats", help: "print statistics at the end"),
    OptionDeclaration(
      "--quick-stats", help: "print statistics of this run only, without those of the whole repository"),
  ]
}

extension ParsedArguments {
  /// Statistics options that a dry run ignores.
  var ignoredStatistics: [String] {
    has("--dry-run") ? ["--stats", "--quick-stats"].filter(has) : []
  }
}
