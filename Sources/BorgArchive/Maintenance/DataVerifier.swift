import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// `check --verify-data`: every object is read in the order in which it lies on disk, authenticated, decompressed and
/// identified, by several threads. With repair, those that fail twice are deleted.
struct DataVerifier {
  private enum Verdict: Sendable {
    case sound
    case missing(String)
    case unreadable(String)
    case damaged(String)
    case failed(any Error)
  }

  private static let batch = 1000
  private let state: CheckState
  private var repository: any Repository { state.session.repository }

  init(_ state: CheckState) {
    self.state = state
  }

  func run() throws {
    state.monitor.info("Starting cryptographic data integrity verification...", logger: CheckState.logger)
    let indexed = state.references.count
    let (verified, errorCount, defects) = try verifyAll(expected: indexed)
    if verified != indexed {
      log(.error, "Repo/Chunks index object count vs. segment files object count mismatch.")
      log(.error, "Repo/Chunks index: \(indexed) objects != segment files: \(verified) objects")
    }
    if !defects.isEmpty { try dispose(of: defects) }
    log(
      errorCount > 0 ? .error : .info,
      "Finished cryptographic data integrity verification, verified \(verified) chunks with \(errorCount) integrity "
        + "errors.")
  }

  private func verifyAll(expected: Int) throws -> (verified: Int, errorCount: Int, defects: [ChunkID]) {
    let (repository, codec) = (repository, state.session.codec)
    let pipeline = OrderedPipeline<ChunkID, Verdict>(
      threads: nil, maximumBytesAhead: 4 * DataVerifier.batch,
      announcing: Announcer(repository, knowsSizes: false) { $0 }, cost: { _ in 1 }
    ) { id, workspace in
      DataVerifier.verify(id, repository, codec, workspace)
    }
    defer { pipeline.close() }
    var progress = FinePercentProgress(
      "Verifying data", messageID: "check.verify_data", total: expected, decimals: 2, monitor: state.monitor)
    var (verified, errorCount) = (0, 0)
    var defects: [ChunkID] = []
    var listing = ListingProgress("scan")
    var ids = try request(after: nil, pipeline)
    while let last = ids.last {
      try listing.advance(to: last)
      let following = ids.count < DataVerifier.batch ? [] : try request(after: last, pipeline)
      for id in ids {
        progress.advance()
        verified += 1
        let verdict = try pipeline.next()
        if case .sound = verdict { continue }
        errorCount += 1
        if try note(verdict, of: id) { defects.append(id) }
      }
      ids = following
    }
    progress.finish()
    return (verified, errorCount, defects)
  }

  private func request(
    after marker: ChunkID?, _ pipeline: OrderedPipeline<ChunkID, Verdict>
  ) throws -> [ChunkID] {
    let ids = try repository.scan(after: marker, limit: DataVerifier.batch)
    pipeline.request(ids.lazy.map { (input: $0, expectedCost: 1) })
    return ids
  }

  /// Logs what is wrong; whether the object is defect, not only missing.
  private func note(_ verdict: Verdict, of id: ChunkID) throws -> Bool {
    switch verdict {
    case .sound: return false
    case .missing(let text):
      state.report("chunk \(id.hex): \(text)")
      return false
    case .unreadable(let text): state.report("chunk \(id.hex): \(text)")
    case .damaged(let text): state.report("chunk \(id.hex), integrity error: \(text)")
    case .failed(let error): throw error
    }
    return true
  }

  private static func verify(
    _ id: ChunkID, _ repository: any Repository, _ codec: ObjectCodec, _ workspace: CodecWorkspace
  ) -> Verdict {
    let object: [UInt8]
    do {
      object = try repository.get(id)
    } catch let error as RepositoryError {
      guard case .objectNotFound = error else { return .failed(error) }
      return .missing("\(error)")
    } catch let error as IntegrityError {
      return .unreadable(error.detail)
    } catch {
      return .failed(error)
    }
    do {
      _ = try codec.unseal(object, id: id, workspace: workspace)
      return .sound
    } catch {
      return CheckState.isDamage(error) ? .damaged(CheckState.text(error)) : .failed(error)
    }
  }

  // MARK: Defects

  /// What is deleted here is found missing afterwards, so that files are repaired now and perhaps healed later.
  private func dispose(of defects: [ChunkID]) throws {
    guard state.repairs else {
      log(
        .warning,
        "Found defect chunks. With --repair, they would get deleted, so affected files could get repaired then and "
          + "maybe healed later.")
      for id in defects { log(.debug, "chunk \(id.hex) is defect.") }
      return
    }
    log(
      .warning,
      "Found defect chunks. They will be deleted now, so affected files can get repaired now and maybe healed later.")
    let workspace = CodecWorkspace()
    for id in defects {
      switch DataVerifier.verify(id, repository, state.session.codec, workspace) {
      case .sound: log(.warning, "chunk \(id.hex) not deleted, did not consistently fail.")
      case .missing: state.references.remove(id)
      case .failed(let error): throw error
      case .unreadable, .damaged:
        state.references.remove(id)
        try repository.delete(id)
        log(.debug, "chunk \(id.hex) deleted.")
      }
    }
  }

  private func log(_ level: LogLevel, _ message: String) {
    state.monitor.log(LogRecord(level, logger: CheckState.logger, message))
  }
}
