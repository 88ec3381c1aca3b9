import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import BorgTransfer

/// Deletes archives of an open repository, with commits on the way.
struct ArchiveDeletion {
  private static let logger = "borg.archiver"

  let names: [[UInt8]]
  let options: DeletionOptions
  let context: CommandContext

  func run() throws {
    if options.force > 1 { try dropEntries() } else { try deleteArchives() }
  }

  // MARK: With reference counts

  private func deleteArchives() throws {
    let cache = try context.openCache(context.session)
    defer { cache.close() }
    var removal = ArchiveRemoval(
      context: context, cache: options.isDryRun ? nil : cache, force: options.force > 0,
      checkpointIntervalSeconds: options.checkpointIntervalSeconds)
    removal.expect(names.compactMap(context.session.manifest.entry(named:)))
    for (index, name) in names.enumerated() {
      guard let entry = context.session.manifest.entry(named: name) else {
        warnMissing(name, index)
        continue
      }
      list(options.isDryRun ? "Would delete archive:" : "Deleting archive:", entry, index)
      if try removal.remove(entry) { break }
    }
    try removal.finish()
    try removal.report(options.statistics)
  }

  // MARK: Without

  /// `--force --force`: only takes the archives off the manifest.
  private func dropEntries() throws {
    var isAnyGone = false
    for (index, name) in names.enumerated() {
      guard let entry = context.session.manifest.entry(named: name) else {
        warnMissing(name, index)
        continue
      }
      list(options.isDryRun ? "Would delete:" : "Deleted archive:", entry, index)
      context.session.dropArchive(named: name)
      isAnyGone = true
    }
    if options.isDryRun {
      context.monitor.info("Finished dry-run.", logger: ArchiveDeletion.logger)
    } else if isAnyGone {
      try context.commit(nil)
      context.monitor.note(
        "Done. Run \"borg check --repair\" to clean up the mess.", logger: ArchiveDeletion.logger)
    } else {
      context.monitor.note("Aborted.", logger: ArchiveDeletion.logger)
    }
  }

  // MARK: Lines

  private func warnMissing(_ name: [UInt8], _ index: Int) {
    context.monitor.log(
      LogRecord(
        .warning, logger: ArchiveDeletion.logger,
        "Archive \(displayText(name)) not found (\(index + 1)/\(names.count)).", warningCode: 1))
  }

  private func list(_ what: String, _ entry: Manifest.Entry, _ index: Int) {
    guard options.lists else { return }
    context.monitor.info(
      "\(what) \(archiveLine(entry)) (\(index + 1)/\(names.count))", logger: "borg.output.list")
  }
}
