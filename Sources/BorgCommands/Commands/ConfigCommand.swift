import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// `borg config`: reads and changes values of the config of a repository or of its cache.
struct ConfigCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "config", title: "Read or change values of the repository or cache config file (local repositories only)",
      positionals: [
        PositionalDeclaration("REPOSITORY", .zeroOrOne, .location(.forbidden, localOnly: true), help: "repository"),
        PositionalDeclaration("NAME", .zeroOrOne, .text, help: "key, or section.key"),
        PositionalDeclaration("VALUE", .zeroOrOne, .text, help: "new value; absent or empty = print current value"),
      ],
      options: [
        OptionDeclaration("-c", "--cache", help: "work on the cache config instead"),
        OptionDeclaration("-d", "--delete", help: "remove the key"),
        OptionDeclaration("-l", "--list", help: "print all known keys"),
      ],
      exclusive: [["--delete", "--list"]],
      epilog: """
        Reads and changes the values of a local repository's config file, or with --cache of its cache's.

        Of a repository additional_free_space, append_only, last_segment_checked, max_segment_size, segments_per_dir,
        storage_quota and id can be set, of a cache previous_location. Think twice: a wrong id or segments_per_dir makes
        the repository unusable.

        Examples:

            borg config --list /srv/repo
            borg config /srv/repo additional_free_space 2G
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let name: String?
  private let value: String?
  private let concernsCache: Bool
  private let deletes: Bool
  private let lists: Bool

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    name = arguments.text("NAME").map { String(decoding: $0, as: UTF8.self) }
    value = arguments.text("VALUE").flatMap { $0.isEmpty ? nil : String(decoding: $0, as: UTF8.self) }
    concernsCache = arguments.has("--cache")
    deletes = arguments.has("--delete")
    lists = arguments.has("--list")
  }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .exclusive, manifest: concernsCache ? [.write] : nil)
  }

  func run(in context: CommandContext) throws -> ExitCode {
    let target: any ConfigTarget
    if concernsCache {
      target = CacheConfigTarget(session: context.session)
    } else {
      guard let repository = context.repository as? LocalRepository else {
        throw ArchiveError.plain("Only the config of a local repository can be changed.")
      }
      target = RepositoryConfigTarget(repository: repository)
    }
    if lists {
      context.console.write(try target.list())
      return .success
    }
    guard let name else { throw ArchiveError.command("No config key name was provided.") }
    let (section, option) = ConfigCommand.split(name, defaultSection: concernsCache ? "cache" : "repository")
    if deletes {
      try target.remove(section, option)
    } else if let value {
      try target.set(section, option, value)
    } else {
      context.console.write(try target.value(section, option) + "\n")
    }
    return .success
  }

  /// `section.option`; anything without exactly one dot is an option of the default section.
  private static func split(_ name: String, defaultSection: String) -> (section: String, option: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    return parts.count == 2 ? (parts[0], parts[1]) : (defaultSection, name)
  }
}

/// One of the two config files that the command knows.
private protocol ConfigTarget {
  func list() throws -> String
  func value(_ section: String, _ option: String) throws -> String
  func set(_ section: String, _ option: String, _ value: String) throws
  func remove(_ section: String, _ option: String) throws
}

private func missing(_ option: String, _ section: String) -> ArchiveError {
  .plain("No option '\(option.lowercased())' in section: '\(section)'")
}

private struct RepositoryConfigTarget: ConfigTarget {
  private static let section = "repository"
  private static let listed = [
    "version", "segments_per_dir", "max_segment_size", "storage_quota", "additional_free_space", "append_only", "id",
  ]

  let repository: LocalRepository

  func list() -> String {
    var lines = ["[repository]"]
    for option in Self.listed {
      lines.append("\(option) = \(repository.configValue(section: Self.section, option: option) ?? "False")")
    }
    let checked = ConfigOption.lastSegmentChecked.rawValue
    if let value = repository.configValue(section: Self.section, option: checked) {
      lines.append("\(checked) = \(value)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func value(_ section: String, _ option: String) throws -> String {
    if let value = repository.configValue(section: section, option: option) { return value }
    throw section == Self.section ? missing(option, section) : ArchiveError.plain("No section: '\(section)'")
  }

  func set(_ section: String, _ option: String, _ value: String) throws {
    if let refusal = try known(section, option).refusal(of: value) { throw ArchiveError.plain(refusal) }
    try repository.setConfigValue(section: section, option: option, value)
  }

  func remove(_ section: String, _ option: String) throws {
    guard !(try known(section, option).isNeeded) else {
      throw ArchiveError.plain("The repository cannot be used without \(option).")
    }
    try repository.setConfigValue(section: section, option: option, nil)
  }

  private func known(_ section: String, _ option: String) throws -> ConfigOption {
    guard section == Self.section else { throw ArchiveError.plain("Invalid section") }
    guard let known = ConfigOption(rawValue: option) else {
      let names = ConfigOption.allCases.map(\.rawValue)
      throw ArchiveError.plain("Invalid name: '\(option)'" + suggestion(for: option, in: names))
    }
    return known
  }
}

private struct CacheConfigTarget: ConfigTarget {
  let session: RepositorySession

  func list() throws -> String {
    let options = try Cache.configFile(of: session).options(in: "cache")
    return "[cache]\n" + options.map { "\($0.name) = \($0.value)\n" }.joined()
  }

  func value(_ section: String, _ option: String) throws -> String {
    let file = try Cache.configFile(of: session)
    if let value = file[section, option] { return value }
    throw file.hasSection(section) ? missing(option, section) : ArchiveError.plain("No section: '\(section)'")
  }

  func set(_ section: String, _ option: String, _ value: String) throws {
    try check(section, option)
    guard Location(parsing: Array(value.utf8), defaultRepository: nil) != nil else {
      throw ArchiveError.plain("Invalid value")
    }
    try Cache.setConfigValue(option, value, of: session)
  }

  func remove(_ section: String, _ option: String) throws {
    try check(section, option)
    try Cache.setConfigValue(option, nil, of: session)
  }

  private func check(_ section: String, _ option: String) throws {
    guard section == "cache" else { throw ArchiveError.plain("Invalid section") }
    guard option == Cache.changeableOption else { throw ArchiveError.plain("Invalid name: '\(option)'") }
  }
}
