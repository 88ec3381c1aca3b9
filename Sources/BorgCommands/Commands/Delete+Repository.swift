import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem

/// Deletes a whole repository after a question, its local records, or only its cache.
struct RepositoryDeletion {
  private static let logger = "borg.archiver"

  let options: DeletionOptions
  let context: CommandContext

  func run() throws {
    let id = context.repository.id
    if !options.cacheOnly {
      if options.force == 0 { try askForConsent() }
      try deleteRepository(id)
    }
    if options.isDryRun { return say("Would delete cache.") }
    try Cache.destroy(repositoryID: id, environment: context.environment)
    say("Cache deleted.")
  }

  private func deleteRepository(_ id: ChunkID) throws {
    if options.isDryRun {
      say("Would delete repository.")
      return say("Would \(options.keepsSecurityInfo ? "keep" : "delete") security info.")
    }
    try context.repository.destroy()
    say("Repository deleted.")
    if !options.keepsSecurityInfo {
      try SecurityManager(repositoryID: id, environment: context.environment).destroy()
    }
  }

  private func say(_ text: String) { context.monitor.info(text, logger: RepositoryDeletion.logger) }

  // MARK: The question

  private func askForConsent() throws {
    let manifest = try readManifest()
    let lines =
      [
        "You requested to completely DELETE the following repository *including* "
          + (manifest.map { "\($0.data.archives.count) archives it contains:" } ?? "all archives it may contain:"),
        StatisticsText.dashes, "Repository ID: \(context.repository.id.hex)",
        "Location: \(context.repository.location.canonicalPath)",
      ] + (options.lists ? try archiveLines(manifest) : []) + [
        StatisticsText.dashes, "Type 'YES' if you understand this and want to continue: ",
      ]
    let consents = context.monitor.ask(
      Question(
        text: lines.joined(separator: "\n"), environmentVariable: "BORG_DELETE_I_KNOW_WHAT_I_AM_DOING",
        yesWords: ["YES"], falseMessage: "Aborting.", invalidMessage: "Invalid answer, aborting."))
    guard consents else { throw ArchiveError.cancelledByUser }
  }

  /// Nil when the repository has none: then nobody can tell what is in it.
  private func readManifest() throws -> Manifest? {
    do {
      return try RepositorySession(
        repository: context.repository, operations: [], assertsSecure: false, context: context.sessionContext
      ).manifest
    } catch ArchiveError.noManifest {
      return nil
    }
  }

  private func archiveLines(_ manifest: Manifest?) throws -> [String] {
    guard let manifest else {
      return [
        "", "Archives:", "This repository seems to have no manifest, so we can't tell anything about its contents.",
      ]
    }
    var selection = ArchiveSelection()
    selection.considersCheckpoints = true
    let entries = try manifest.select(selection)
    return ["", "Archives:"]
      + (entries.isEmpty ? ["This repository seems to not have any archives."] : entries.map(archiveLine))
  }
}
