import BorgArchive
import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// The making of one archive, whatever its content comes from: the street with its threads, from the first batch to
/// the commit.
final class ArchiveRun {
  let options: CreateOptions
  let session: RepositorySession
  let cache: Cache
  let interruption: Interruption
  let currentDirectory: [UInt8]
  let files: SharedFilesCache
  private let writer: ArchiveWriter
  private let startMonotonic: Int64

  /// Throws `ArchiveError.alreadyExists`.
  init(
    named name: [UInt8], session: RepositorySession, cache: Cache, _ options: CreateOptions,
    interruption: Interruption, startMonotonic: Int64? = nil
  ) throws {
    self.options = options
    self.session = session
    self.cache = cache
    self.interruption = interruption
    self.startMonotonic = startMonotonic ?? session.context.clock.monotonic()
    currentDirectory = try Files.currentDirectory()
    files = SharedFilesCache(cache, currentDirectory: currentDirectory)
    var archive = ArchiveWriter.Options()
    archive.compressor = options.compressor
    archive.chunkerParameters = options.chunkerParameters
    archive.comment = options.comment
    archive.timestamp = options.timestamp
    archive.commandLine = options.commandLine
    archive.cwd = currentDirectory
    archive.startMonotonic = self.startMonotonic
    writer = try ArchiveWriter(named: name, session: session, cache: cache, archive)
  }

  /// Whether the files cache can tell an unchanged file by its status alone.
  var knowsFilesByChangeTime: Bool { cache.files.mode.contains(.ctime) && cache.files.count > 0 }

  /// Runs `produce` on this thread, which sends everything down the street, and commits what came out. What `produce`
  /// throws makes the archive worthless; an `ArchiveError` counts after all before it was reported. On every error
  /// the transaction is rolled back.
  func complete(_ produce: (Street) throws -> Void) throws -> Creation.Outcome {
    do {
      let archive = try fill(produce)
      return Creation.Outcome(
        archive: archive, statistics: writer.statistics, start: archive.start, end: archive.end,
        duration: session.context.clock.monotonic() - startMonotonic)
    } catch {
      try? session.repository.rollback()
      throw error
    }
  }

  private func fill(_ produce: (Street) throws -> Void) throws -> Archive {
    let street = Street(arenaSize: ContentReader.arenaSize(options.chunkerParameters))
    let reservations = Reservations()
    let collector = Collector(
      street, writer: writer, cache: cache, files: files, reservations: reservations,
      checkpointIntervalSeconds: options.checkpointIntervalSeconds, interruption: interruption)
    var threads: [Worker] = []
    var inputError: ArchiveError?
    do {
      threads.append(try Worker { collector.run() })
      for _ in 0..<max(1, options.workerCount ?? availableProcessorCount()) {
        threads.append(try worker(street, reservations))
      }
      do { try produce(street) } catch let error as ArchiveError { inputError = error }
      street.finish()
    } catch {
      street.fail(error)
    }
    for thread in threads { thread.join() }
    if let error = street.error ?? inputError { throw error }
    return try collector.complete()
  }

  private func worker(_ street: Street, _ reservations: Reservations) throws -> Worker {
    let (codec, chunks, compressor) = (session.codec, cache.chunks, options.compressor)
    return try Worker {
      var worker = ChunkWorker(
        street, codec: codec, chunks: chunks, reservations: reservations, compressor: compressor)
      worker.run()
    }
  }
}
