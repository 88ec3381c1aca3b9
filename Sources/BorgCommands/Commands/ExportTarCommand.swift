import BorgArchive
import BorgRepository
import BorgTransfer

/// `borg export-tar`: an archive as a tar file.
struct ExportTarCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "export-tar", title: "Write an archive as a tar file",
      positionals: [
        PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive to export"),
        PositionalDeclaration("FILE", .one, .text, help: "tar file to write; - is standard output"),
        PositionalDeclaration("PATH", .zeroOrMore, .path, help: "paths to export; patterns are supported"),
      ],
      options: [
        OptionDeclaration(
          "--tar-filter", action: .value(.text), metavar: "TAR_FILTER",
          help: "program that compresses the stream (default: auto, chosen by FILE's suffix)"),
        OptionDeclaration("--list", help: "list the paths that are exported"),
      ] + ExclusionOptions.declarations + [ExclusionOptions.stripDeclaration],
      epilog: """
        Writes a tar file in GNU format with the contents of an archive, or with the selected paths of it. What tar files
        of this format cannot hold is left out: ACLs, extended attributes, flags, and all times but the whole seconds of
        the last modification.

        FILE is compressed by gzip, bzip2, xz, lz4 or zstd if it ends in .tar.gz or .tgz, .tar.bz2 or .tbz, .tar.xz or
        .txz, .tar.lz4, .tar.zstd or .tar.zst. --tar-filter names another program, which reads the stream and writes it
        compressed.

        Examples:

            borg export-tar /srv/repo::monday monday.tar.zst
            borg export-tar --tar-filter 'pigz -9' /srv/repo::monday monday.tar.gz etc
            borg export-tar /srv/repo::monday - | tar -x -C /mnt
        """)
  }

  static var allowsBypassLock: Bool { true }

  private let location: Location
  private let file: [UInt8]
  private let filter: String?
  private let options: ExtractOptions

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("ARCHIVE")
    file = arguments.text("FILE") ?? []
    filter = arguments.tarFilter
    var options = ExtractOptions(
      matcher: try ExclusionOptions(arguments).selectionMatcher(paths: arguments.texts("PATH")))
    options.stripComponents = max(0, arguments.integer("--strip-components") ?? 0)
    options.considersPartFiles = arguments.has("--consider-part-files")
    options.lists = arguments.has("--list")
    self.options = options
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared, manifest: [.read]) }

  func run(in context: CommandContext) throws -> ExitCode {
    let archive = try Archive(named: location.archive ?? [], in: context.session)
    try TarExport(archive, to: file, filter: filter, options).run()
    return .success
  }
}

extension ParsedArguments {
  /// --tar-filter; nil: `auto`.
  var tarFilter: String? {
    guard let filter = string("--tar-filter"), filter != "auto" else { return nil }
    return filter
  }
}
