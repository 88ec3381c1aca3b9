import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// `borg check`'s second part: whether everything that the manifest and its archives refer to is there and sound, and
/// with `repairs` the mending of what is not (archives.md section 8, cli.md 8.13).
///
/// An archive without damage is left as it is. Nothing is written without `repairs`; with it one commit ends the work.
public struct ArchiveChecker {
  public struct Options: Sendable {
    public var repairs = false
    /// Only this archive.
    public var archiveName: [UInt8]?
    public var selection = ArchiveSelection()
    /// Read, decrypt and identify every object.
    public var verifiesData = false

    public init() {
      selection.considersCheckpoints = true
    }

    /// Only then unreferenced objects can be told.
    var concernsAllArchives: Bool {
      archiveName == nil && (selection.glob ?? []).isEmpty && selection.first == nil && selection.last == nil
    }
  }

  private let repository: any Repository
  private let options: Options
  private let context: SessionContext
  private var monitor: any Monitor { context.monitor }

  public init(_ repository: any Repository, _ options: Options, context: SessionContext) {
    self.repository = repository
    self.options = options
    self.context = context
  }

  /// True when there is no problem, or none left. Throws when the key cannot be had, and what reading throws.
  public func run() throws -> Bool {
    info("Starting archive consistency check...")
    let references = try ReferenceTable(of: repository)
    guard references.count > 0 else {
      monitor.error(
        "Repository contains no apparent data at all, cannot continue check/repair.", logger: CheckState.logger)
      return false
    }
    let session = try RepositorySession.checking(repository, context: context)
    if options.repairs { try session.requireKey() }
    let state = CheckState(session, references, repairs: options.repairs)
    if options.verifiesData { try DataVerifier(state).run() }
    try loadManifest(state)
    references.remove(.manifest)
    try checkArchives(state)
    try OrphanCheck(state).run(concernsAllArchives: options.concernsAllArchives)
    if options.repairs { try finish(session) }
    if state.errorFound {
      monitor.error("Archive consistency check complete, problems found.", logger: CheckState.logger)
    } else {
      info("Archive consistency check complete, no problems found.")
    }
    return options.repairs || !state.errorFound
  }

  // MARK: Manifest

  private func loadManifest(_ state: CheckState) throws {
    guard state.references.contains(.manifest) else {
      state.report("Repository manifest not found!")
      return try ManifestRebuilder(state).run()
    }
    do {
      try state.session.reloadManifest()
    } catch let error where CheckState.isDamage(error) {
      state.report("Repository manifest is corrupted: \(CheckState.text(error))")
      state.references.remove(.manifest)
      return try ManifestRebuilder(state).run()
    }
    try state.session.checkFeatures([.check])
  }

  private func finish(_ session: RepositorySession) throws {
    info("Writing Manifest.")
    try session.writeManifest()
    info("Committing repo.")
    try repository.commit(CommitOptions())
  }

  // MARK: Archives

  private func checkArchives(_ state: CheckState) throws {
    guard let entries = try selectedArchives(state) else { return }
    var source = CheckedArchiveSource(state, entries)
    defer { source.close() }
    var progress = FinePercentProgress(
      "Checking archives", messageID: "check.rebuild_refcounts", total: entries.count, decimals: 1, monitor: monitor)
    for (number, entry) in entries.enumerated() {
      progress.advance()
      info("Analyzing archive \(displayText(entry.name)) (\(number + 1)/\(entries.count))")
      try check(entry, &source, state)
    }
    progress.finish()
  }

  /// Nil: the one archive that was asked for is not there.
  private func selectedArchives(_ state: CheckState) throws -> [Manifest.Entry]? {
    if let name = options.archiveName {
      guard let entry = state.session.manifest.entry(named: name) else {
        state.report("Archive '\(displayText(name))' not found.")
        return nil
      }
      return [entry]
    }
    let entries = try state.session.manifest.select(options.selection)
    if let glob = options.selection.glob, !glob.isEmpty, entries.isEmpty {
      note("--glob-archives \(displayText(glob)) does not match any archives")
    }
    if let first = options.selection.first, entries.count < first {
      note("--first \(first) archives: only found \(entries.count) archives")
    }
    if let last = options.selection.last, entries.count < last {
      note("--last \(last) archives: only found \(entries.count) archives")
    }
    return entries
  }

  private func check(_ entry: Manifest.Entry, _ source: inout CheckedArchiveSource, _ state: CheckState) throws {
    let archive: CheckedArchive
    switch try source.next() {
    case .sound(let sound): archive = sound
    case .lost(let messages):
      for message in messages { state.report(message) }
      return state.session.dropArchive(named: entry.name)
    }
    var repair = ItemStreamRepair(archive, state)
    let stream = try repair.run { try source.nextChunk() }
    guard stream.isChanged || !archive.isAuthenticated else {
      for id in archive.metadata.items + [entry.id] { state.references.add(id) }
      return
    }
    state.supersede([entry.id] + archive.metadata.items)
    try save(archive, items: stream.chunks, state)
  }

  /// Stores the archive's metadata anew, with its old salt, and puts it on the manifest.
  private func save(_ archive: CheckedArchive, items: [ChunkID], _ state: CheckState) throws {
    var metadata = archive.metadata
    metadata.items = items
    let salt = archive.isAuthenticated ? metadata.tam?["salt"]?.rawValue : nil
    let packed = TAM.seal(key: state.session.key, .archive, salt: salt) { metadata.encoded(tam: $0) }
    let id: ChunkID
    do {
      id = try packed.withUnsafeBytes { try state.store($0) }
    } catch is IntegrityError {
      throw ArchiveError.archiveTooBig
    }
    state.session.setArchive(Manifest.Entry(name: archive.entry.name, id: id, time: archive.entry.time))
  }

  private func info(_ message: String) { monitor.info(message, logger: CheckState.logger) }
  private func note(_ message: String) { monitor.note(message, logger: CheckState.logger) }
}
