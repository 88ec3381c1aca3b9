import BorgArchive
import BorgFormat
import BorgRepository

/// `borg list`: the archives of a repository, or the items of an archive.
struct ListCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "list", title: "List archives, or the contents of an archive",
      positionals: [
        PositionalDeclaration(
          "REPOSITORY_OR_ARCHIVE", .zeroOrOne, .location(.optional), help: "repository or archive to list"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "paths to list; patterns are supported"),
      ],
      options: [
        OptionDeclaration("--consider-checkpoints", help: "list checkpoint archives, too"),
        OptionDeclaration("--short", help: "only names, nothing else"),
        OptionDeclaration(
          "--format", action: .value(.text), metavar: "FORMAT",
          help: "how to show an archive or item, see below (default: \"{archive:<36} {time} [{id}]{NL}\", or "
            + "\"{mode} {user:6} {group:6} {size:8} {mtime} {path}{extra}{NL}\")"),
        OptionDeclaration("--json", help: "one JSON document; for archives of a repository only"),
        OptionDeclaration("--json-lines", help: "one JSON object a line; for items of an archive only"),
      ] + ArchiveFilterOptions.declarations + ExclusionOptions.declarations,
      exclusive: ArchiveFilterOptions.exclusive,
      epilog: """
        --format takes a text with keys in braces, {KEY} or {KEY:SPEC}. SPEC aligns and pads as in Python ({user:>8}); for
        times it is a strftime format ({mtime:%Y-%m-%d}). {{ and }} are braces. No newline is added: write {NL}.

        always:     NL, NEWLINE, LF, CR, TAB, SPACE, NUL
        archives:   archive, name, barchive, id, start, time, end, comment, bcomment, command_line, hostname, username,
                    tam
        items:      type, mode, uid, gid, user, group, path, bpath, source, linktarget, extra, flags,
                    size, csize, dsize, dcsize, num_chunks, unique_chunks,
                    mtime, ctime, atime, isomtime, isoctime, isoatime,
                    md5, sha1, sha224, sha256, sha384, sha512, sha3_224, sha3_256, sha3_384, sha3_512, blake2b, blake2s,
                    xxh64, archivename, archiveid, health

        The hashes read the whole contents; dsize, dcsize and unique_chunks need the chunks cache.

        Examples:

            borg list /srv/repo
            borg list --last 3 --short /srv/repo
            borg list /srv/repo::monday home/ann --format '{size:>12} {path}{NL}'
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let filter: ArchiveFilterOptions
  private let matcher: PatternMatcher
  private let format: [UInt8]
  private let json: Bool
  private let jsonLines: Bool
  private let considersPartFiles: Bool

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("REPOSITORY_OR_ARCHIVE")
    filter = ArchiveFilterOptions(arguments)
    matcher = try ExclusionOptions(arguments).selectionMatcher(paths: arguments.texts("PATH"))
    json = arguments.has("--json")
    jsonLines = arguments.has("--json-lines")
    considersPartFiles = arguments.has("--consider-part-files")
    format =
      arguments.bytes("--format")
      ?? Array(ListCommand.standardFormat(ofItems: location.archive != nil, short: arguments.has("--short")).utf8)
  }

  private static func standardFormat(ofItems: Bool, short: Bool) -> String {
    if ofItems { return short ? "{path}{NL}" : "{mode} {user:6} {group:6} {size:8} {mtime} {path}{extra}{NL}" }
    return short ? "{archive}{NL}" : "{archive:<36} {time} [{id}]{NL}"
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.read]) }

  func run(in context: CommandContext) throws -> ExitCode {
    guard let name = location.archive else {
      try listArchives(context)
      return .success
    }
    if json {
      throw ArchiveError.command("The --json option is only valid for listing archives, not archive contents.")
    }
    try listItems(of: name, context)
    return .success
  }

  // MARK: Archives

  private func listArchives(_ context: CommandContext) throws {
    if jsonLines {
      throw ArchiveError.command("The --json-lines option is only valid for listing archive contents, not archives.")
    }
    var formatter = try ArchiveFormatter(format: format, session: context.session)
    let entries = try context.session.manifest.select(filter.selection)
    if formatter.needsMetadata { context.session.announce(entries) }
    if json {
      var document = JSONDocument.basics(context.session)
      document.set("archives", .array(try entries.map { try formatter.json($0) }))
      context.console.write(document.text(context.environment))
    } else {
      for entry in entries {
        var text: [UInt8] = []
        try formatter.append(entry, to: &text)
        context.console.write(text)
      }
    }
  }

  // MARK: Items

  private static let batchSize = 32 << 10

  private func listItems(of name: [UInt8], _ context: CommandContext) throws {
    let cache = ItemFormatter.needsCache(format) ? try context.openCache(context.session) : nil
    defer { cache?.close() }
    let archive = try Archive(named: name, in: context.session)
    var formatter = try ItemFormatter(format: format, archive: archive, cache: cache, jsonLines: jsonLines)
    let showsAll = matcher.isEmpty
    var text: [UInt8] = []
    try archive.forEachItem { item in
      guard considersPartFiles || item.part == nil else { return true }
      guard showsAll || matcher.decide(item.path).isIncluded else { return true }
      try formatter.append(item, to: &text)
      if text.count >= ListCommand.batchSize {
        context.console.write(text)
        text.removeAll(keepingCapacity: true)
      }
      return true
    }
    context.console.write(text)
    matcher.reportGivenUp(to: context.monitor)
  }
}
