import BorgSystem
import Synchronization
import Testing

@testable import BorgCommands

struct OutputTests {
  @Test(
    arguments: [
      (0, "0 B", "0 B"), (999, "999 B", "999 B"), (1000, "1.00 kB", "1000 B"), (1023, "1.02 kB", "1023 B"),
      (1024, "1.02 kB", "1.00 KiB"), (999_999, "1.00 MB", "976.56 KiB"), (-1_234_567, "-1.23 MB", "-1.18 MiB"),
      (8_240_000, "8.24 MB", "7.86 MiB"),
    ] as [(Int64, String, String)])
  func `sizes are rounded before their unit is chosen`(bytes: Int64, decimal: String, binary: String) {
    #expect(HumanSize.text(bytes, iec: false) == decimal)
    #expect(HumanSize.text(bytes, iec: true) == binary)
  }

  @Test func `durations leave out parts that are zero`() {
    #expect(durationText(nanoseconds: 40_000_000) == "0.04 seconds")
    #expect(durationText(nanoseconds: 90_061_250_000_000) == "1 days 1 hours 1 minutes 1.25 seconds")
    #expect(durationText(nanoseconds: 3_600_000_000_000) == "1 hours 0.00 seconds")
  }

  @Test func `statistics rows align in columns of twenty`() {
    let row = StatisticsText(iec: false).row("This archive:", 8_240_000, 3_020_000, 0)
    #expect(row == "This archive:                8.24 MB              3.02 MB                  0 B")
  }

  @Test func `output loggers obey their own switches only`() {
    var filter = LogFilter()
    filter.threshold = .debug
    let line = LogRecord(.info, logger: "borg.output.list", "x")
    #expect(!filter.shows(line))
    filter.threshold = .critical
    filter.showsLists = true
    #expect(filter.shows(line))
    #expect(!filter.shows(LogRecord(.error, logger: "borg.archiver", "x")))
  }

  @Test func `a debug topic shows its logger alone`() {
    var filter = LogFilter()
    filter.debugTopics = ["borg.debug.files_cache"]
    #expect(filter.shows(LogRecord(.debug, logger: "borg.debug.files_cache", "x")))
    #expect(!filter.shows(LogRecord(.debug, logger: "borg.archiver", "x")))
  }

  @Test func `a long text is shortened in its middle`() {
    #expect(shortened("abcdefghijkl", to: 9) == "abc...jkl")
    #expect(shortened("short", to: 9) == "short")
    #expect(shortened("文書の長い名前", to: 9) == "文...名前" || shortened("文書の長い名前", to: 9) == "文...前")
    #expect(shortened("a\u{1b}[2Jb", to: 9) == "a?[2Jb")
    #expect(shortened("abcdef", to: 2) == "..")
    #expect(DisplayWidth.columns("e\u{301}文🎉") == 5)
  }

  @Test(
    arguments: [
      (nil, "    "), ("none", nil), ("NONE", nil), ("", ""), ("2", "  "), ("\t", "\t"),
    ] as [(String?, String?)])
  func `the indent of documents follows the environment`(variable: String?, indent: String?) {
    #expect(JSONDocument.indent(variable) == indent)
  }

  @Test func `escapes in a delimiter are evaluated`() {
    #expect(evaluatingEscapes(Array("\\0".utf8)) == [0])
    #expect(evaluatingEscapes(Array("a\\n\\x41\\\\\\q".utf8)) == Array("a\nA\\\\q".utf8))
  }
}

struct QuestionerTests {
  private func answer(_ question: Question, _ variables: [String: String]) -> (Bool, [String]) {
    let said = Mutex<[String]>([])
    let result = Questioner(question: question, environment: Environment(variables: variables)) { kind, text, _ in
      said.withLock { $0.append("\(kind.rawValue)=\(text)") }
    }.answer()
    return (result, said.withLock { $0 })
  }

  @Test func `the variable answers and is quoted`() {
    let question = Question(text: "ok? ", environmentVariable: "OK", falseMessage: "Aborting.")
    #expect(answer(question, ["OK": "yes"]) == (true, ["prompt=ok? ", "env_answer=yes (from OK)"]))
    #expect(
      answer(question, ["OK": "no"])
        == (false, ["prompt=ok? ", "env_answer=no (from OK)", "accepted_false=Aborting."]))
    #expect(answer(question, ["OK": ""]).0 == false)
  }

  @Test func `a dangerous question takes one word only`() {
    let question = Question(
      text: "sure? ", environmentVariable: "SURE", yesWords: ["YES"], invalidMessage: "Invalid answer, aborting.")
    #expect(answer(question, ["SURE": "YES"]).0)
    #expect(answer(question, ["SURE": "yes"]).0 == false)
    #expect(answer(question, ["SURE": "yes"]).1.last == "invalid_answer=Invalid answer, aborting.")
  }
}

struct ExitCodeTests {
  @Test func `warnings of one kind give its code and several kinds give one`() {
    var ledger = WarningLedger()
    #expect(ledger.exitCode(.modern) == .success)
    ledger.note(107)
    ledger.note(107)
    #expect(ledger.exitCode(.modern) == ExitCode(107))
    #expect(ledger.exitCode(.legacy) == .warning)
    ledger.note(106)
    #expect(ledger.exitCode(.modern) == .warning)
  }

  @Test(arguments: [(0, "success"), (1, "warning"), (107, "warning"), (2, "error"), (73, "error"), (143, "signal")])
  func `every code has its class`(code: Int, name: String) {
    #expect(ExitCode(Int32(code)).className == name)
  }
}

struct SuggestionTests {
  @Test func `the nearest word is found and far ones are not`() {
    #expect(nearest(to: "lsit", in: ["list", "init", "info"]) == "list")
    #expect(nearest(to: "--jsno", in: ["--json", "--json-lines"]) == "--json")
    #expect(nearest(to: "xyzzy", in: ["list", "create"]) == nil)
  }
}

struct TimestampArgumentTests {
  @Test(
    arguments: [
      ("2020-02-03T04:05:06", 1_580_702_706), ("2020-02-03T04:05:06Z", 1_580_702_706),
      ("2020-02-03T04:05:06+00:00", 1_580_702_706), ("2020-02-03 04:05", 1_580_702_700), ("2020-2-3", 1_580_688_000),
      ("2020-034", 1_580_688_000), ("1969-12-31", -86_400),
    ] as [(String, Int64)])
  func `all of Borg's forms are understood`(text: String, seconds: Int64) {
    #expect(TimestampArgument.parseUTC(Array(text.utf8)) == seconds * 1_000_000_000)
  }

  @Test(arguments: [
    "", "x", "1580702706", "2020-02-30", "2020-02-03T04:05:06.5", "2020-02-03T04:05:06+01:00", "20-1-1",
  ])
  func `anything else is refused`(text: String) {
    #expect(TimestampArgument.parseUTC(Array(text.utf8)) == nil)
  }
}
