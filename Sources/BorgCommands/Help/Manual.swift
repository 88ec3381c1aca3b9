import BorgFormat
import BorgSystem
import Glibc

/// The manual: `borg.1`, a page for each command and topic, and `borgfs.1`, all from the declarations.
struct Manual {
  private let formatter: HelpFormatter
  private let date: String

  /// The date on the pages is SOURCE_DATE_EPOCH's when that is set, so that packages can be built again.
  init(_ formatter: HelpFormatter, _ environment: Environment, _ clock: Clock) {
    self.formatter = formatter
    let now = clock.now() / 1_000_000_000
    var seconds = time_t(environment["SOURCE_DATE_EPOCH"].flatMap { Int($0) } ?? Int(now))
    var fields = tm()
    gmtime_r(&seconds, &fields)
    let two = { (number: Int32) in (number < 10 ? "0" : "") + String(number) }
    date = "\(1900 + fields.tm_year)-\(two(fields.tm_mon + 1))-\(two(fields.tm_mday))"
  }

  /// Writes every page as a file to an existing directory. Throws `SystemError`.
  func write(to directory: [UInt8]) throws {
    for (name, text) in pages {
      let file = try File.open(Files.join(directory, Array("\(name).1".utf8)), O_WRONLY | O_CREAT | O_TRUNC)
      try file.write(Array(text.utf8))
      try file.close()
    }
  }

  /// All pages: their names without the section, and their texts.
  var pages: [(name: String, text: String)] {
    let commands = (CommandTable.entries + CommandTable.grouped).map { entry in
      let name = "borg-" + entry.name.replacingBlanks()
      return (name, command(name, entry.summary, "borg " + entry.name, entry.declaration()))
    }
    let topics = HelpTopics.all.map { ("borg-" + $0.name, topic($0.name, $0.text)) }
    return [("borg", overview)] + commands + topics
      + [("borgfs", command("borgfs", "mount a repository or archive", "borgfs", CommandTable.borgfs))]
  }

  // MARK: Pages

  private func page(_ name: String, _ summary: String) -> Roff {
    var page = Roff(
      title: name.asciiUppercased(), section: 1, date: date, source: "borg \(Program.version)", volume: "Borg manual")
    page.section("NAME")
    page.markup("\(Roff.escaped(name)) \\- \(Roff.escaped(summary))")
    return page
  }

  private var overview: String {
    var page = page("borg", "deduplicating backups")
    synopsis(&page, "borg", CommandTable.root)
    page.section("DESCRIPTION")
    ManualText(Manual.introduction).write(to: &page)
    page.section("COMMANDS")
    for entry in CommandTable.entries {
      page.entry(Manual.reference("borg-" + entry.name), entry.summary)
    }
    options(&page, CommandTable.root.allOptions)
    page.section("ENVIRONMENT")
    page.markup("See \(Manual.reference("borg-environment")).")
    page.section("EXIT STATUS")
    page.markup("See \(Manual.reference("borg-exit-codes")).")
    page.section("SEE ALSO")
    page.markup(Manual.references(HelpTopics.all.map { "borg-" + $0.name } + ["borgfs"]))
    return page.text
  }

  private func command(_ name: String, _ summary: String, _ words: String, _ level: CommandDeclaration) -> String {
    var page = page(name, summary)
    synopsis(&page, words, level)
    let text = ManualText(level.epilog)
    page.section("DESCRIPTION")
    page.paragraph(level.title + ".")
    text.write(to: &page)
    if !level.subcommands.isEmpty {
      page.section("COMMANDS")
      for entry in level.subcommands { page.entry(Manual.reference("\(name)-\(entry.name)"), entry.summary) }
    }
    arguments(&page, level)
    options(&page, level.options)
    page.section("COMMON OPTIONS")
    page.markup("All commands accept the common options, see \(Manual.reference("borg")).")
    text.writeExamples(to: &page)
    page.section("SEE ALSO")
    page.markup(Manual.references(related(name, level)))
    return page.text
  }

  private func topic(_ name: String, _ text: String) -> String {
    var page = page("borg-" + name, HelpTopics.summaries[name] ?? name)
    page.section("DESCRIPTION")
    let text = ManualText(text)
    text.write(to: &page)
    text.writeExamples(to: &page)
    page.section("SEE ALSO")
    page.markup(Manual.reference("borg"))
    return page.text
  }

  // MARK: Sections

  private func synopsis(_ page: inout Roff, _ words: String, _ level: CommandDeclaration) {
    let isOwn: (OptionDeclaration) -> Bool = { !$0.action.isVersion }
    let version = formatter.optionWords(level, level.options.filter { !isOwn($0) })
    let own = formatter.optionWords(level, level.options.filter(isOwn))
    let rest = version + ["[common options]"] + own + formatter.positionalWords(level)
    page.section("SYNOPSIS")
    page.markup(Roff.bold(words) + " " + rest.map(Manual.unbroken).joined(separator: " "))
  }

  private func arguments(_ page: inout Roff, _ level: CommandDeclaration) {
    let positionals = level.positionals.filter { !$0.isHidden }
    guard !positionals.isEmpty else { return }
    page.section("ARGUMENTS")
    for positional in positionals { page.entry(Roff.italic(positional.metavar), Manual.sentence(positional.help)) }
  }

  private func options(_ page: inout Roff, _ options: [OptionDeclaration]) {
    let shown = options.filter { !$0.isHidden }
    guard !shown.isEmpty else { return }
    page.section("OPTIONS")
    for group in OptionDeclaration.Group.allCases {
      let members = shown.filter { $0.group == group }
      if group != .command, !members.isEmpty { page.subsection(group.rawValue) }
      for option in members { page.entry(term(option), Manual.sentence(option.help)) }
    }
  }

  private func term(_ option: OptionDeclaration) -> String {
    let value = option.metavar.map(Roff.italic) ?? ""
    return option.names.map { name in
      switch option.action {
      case .flag, .help, .version: Roff.bold(name)
      case .value: Roff.bold(name) + " " + value
      case .optionalValue: Roff.bold(name) + "[=" + value + "]"
      }
    }.joined(separator: ", ")
  }

  private func related(_ name: String, _ level: CommandDeclaration) -> [String] {
    let topics = HelpTopics.all.map(\.name).filter { topic in
      level.epilog.contains("help \(topic)") || level.options.contains { $0.help.contains("help \(topic)") }
    }
    return ["borg"] + topics.map { "borg-" + $0 } + (name == "borg-mount" ? ["borgfs"] : [])
      + (name == "borgfs" ? ["borg-mount"] : [])
  }

  // MARK: Words

  private static func reference(_ page: String) -> String { Roff.bold(page) + "(1)" }
  private static func references(_ pages: [String]) -> String {
    pages.map(reference).joined(separator: ", ")
  }

  /// A word of the synopsis, whose blanks are no places to break the line.
  private static func unbroken(_ word: String) -> String {
    Roff.escaped(word).map { $0 == " " && word.count < 50 ? "\\ " : String($0) }.joined()
  }

  /// An explanation, which in manual pages stands behind the text that it may refer to.
  private static func sentence(_ help: String) -> String {
    let parts = help.split(separator: "see below", omittingEmptySubsequences: false)
    let text = parts.joined(separator: "see above")
    return text.hasSuffix(".") ? text : text + "."
  }

  private static let introduction = """
    borg keeps backups in a repository. Each backup is an archive: everything below the paths that were backed up, as it
    was at that time. Files are cut into chunks where their contents say so, and each chunk is stored once, compressed
    and, if wanted, encrypted, whatever archives, files and machines it occurs in. So each archive is a full backup, and
    a new one costs only what has changed.

    A repository is a directory, here or on another machine: /srv/repo, ssh://user@host/srv/repo. An archive of it is
    written with two colons and its name behind it: /srv/repo::monday. Without a repository in front of the colons, or
    at all, BORG_REPO is meant.

    Examples:

        borg init --encryption repokey-blake2 /srv/repo
        borg key export /srv/repo ~/safe-place/repo.key
        borg create --stats --progress /srv/repo::{hostname}-{now} ~
        borg list /srv/repo
        borg mount /srv/repo /mnt
        borg extract /srv/repo::monday home/ann/letters
        borg prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 /srv/repo
        borg compact /srv/repo
        borg check /srv/repo
    """
}

extension String {
  fileprivate func replacingBlanks() -> String { String(map { $0 == " " ? "-" : $0 }) }
  fileprivate func asciiUppercased() -> String { uppercased() }
}
