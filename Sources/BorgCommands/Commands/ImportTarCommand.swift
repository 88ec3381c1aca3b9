import BorgArchive
import BorgObjects
import BorgRepository
import BorgTransfer

/// `borg import-tar`: a tar file into a new archive.
struct ImportTarCommand: BorgCommand {
  static var declaration: CommandDeclaration {
    CommandDeclaration(
      "import-tar", title: "Make an archive from a tar file",
      positionals: [
        PositionalDeclaration("ARCHIVE", .one, .location(.required), help: "archive to make"),
        PositionalDeclaration("TARFILE", .one, .text, help: "tar file to read; - is standard input"),
      ],
      options: [
        OptionDeclaration(
          "--tar-filter", action: .value(.text), metavar: "TAR_FILTER", onceOnly: true,
          help: "program that decompresses the file (default: auto, chosen by its suffix)")
      ] + StatisticsOptions.declarations + ownOptions,
      epilog: """
        Makes an archive of the contents of a tar file in v7, ustar, pax or GNU format. TARFILE is decompressed by gzip,
        bzip2, xz, lz4 or zstd if its suffix says so, see "borg help export-tar".

        Names, modes, owners, times of modification, links and devices are taken over; ACLs, extended attributes and other
        times are not. Of a damaged tar file nothing is stored.

        Examples:

            borg import-tar /srv/repo::monday monday.tar.zst
            ssh host tar -c /etc | borg import-tar /srv/repo::host-etc -
        """)
  }

  private static let ownOptions: [OptionDeclaration] = [
    OptionDeclaration("--list", help: "list what is imported, with a status letter"),
    CreateOptionDeclarations.filter, CreateOptionDeclarations.json,
    OptionDeclaration("--ignore-zeros", help: "read on behind the end: for tar files that were put together"),
    OptionDeclaration(
      "--comment", action: .value(.text), metavar: "COMMENT", group: .archive,
      help: "a comment on the archive (placeholders are not replaced)"),
    CreateOptionDeclarations.timestamp, CreateOptionDeclarations.checkpointInterval,
    OptionDeclaration(
      "--chunker-params", action: .value(.chunkerParameters), metavar: "PARAMS", group: .archive, onceOnly: true,
      help: "how files are cut (default: buzhash,19,23,21,4095)"),
    CreateOptionDeclarations.compression,
  ]

  static var signalHandling: SignalHandling { .stopsItself }

  private let location: Location
  private let file: [UInt8]
  private let filter: String?
  private let ignoresZeros: Bool
  private let options: CreateOptions
  private let statistics: StatisticsOptions
  private let json: Bool

  init(_ arguments: ParsedArguments) throws {
    location = arguments.location("ARCHIVE")
    file = arguments.text("TARFILE") ?? []
    filter = arguments.tarFilter
    ignoresZeros = arguments.has("--ignore-zeros")
    options = CreateOptions(archive: arguments)
    statistics = try StatisticsOptions(arguments)
    json = arguments.has("--json")
  }

  var access: RepositoryAccess? {
    RepositoryAccess(location, lock: .exclusive, manifest: [.write], cache: Cache.Options())
  }

  func run(in context: CommandContext) throws -> ExitCode {
    var options = options
    options.commandLine = context.commandLine
    let tarImport = try TarImport(
      file, filter: filter, ignoresZeros: ignoresZeros, named: location.archive ?? [], session: context.session,
      cache: context.cache, options, interruption: context.interruption)
    try CreationReport(tarImport.run(), commandLine: context.commandLine).show(statistics, json: json, context)
    return .success
  }
}
