import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// One archive whose metadata is sound.
struct CheckedArchive {
  let entry: Manifest.Entry
  let metadata: ArchiveMetadata
  /// Whether a TAM was there and verified.
  let isAuthenticated: Bool
}

/// Reads archives one after another for a check; the item streams of the next few are fetched by worker threads
/// meanwhile.
struct CheckedArchiveSource {
  enum Opened {
    case sound(CheckedArchive)
    /// It has to go; the errors say why.
    case lost([String])
  }

  private static let maximumBytesAhead = 32 << 20
  private static let usualChunkLength = 128 << 10
  private static let maximumArchivesAhead = 8

  private let state: CheckState
  private let pipeline: OrderedPipeline<ChunkID, CheckedObject>
  private let workspace = CodecWorkspace()
  private var waiting: ArraySlice<Manifest.Entry>
  private var opened: [Opened] = []
  private var announcer: Announcer<Manifest.Entry>?

  init(_ state: CheckState, _ entries: [Manifest.Entry]) {
    self.state = state
    waiting = entries[...]
    announcer = Announcer(metadataOf: entries, in: state.session.repository)
    let (repository, codec) = (state.session.repository, state.session.codec)
    pipeline = OrderedPipeline(
      threads: nil, maximumBytesAhead: CheckedArchiveSource.maximumBytesAhead,
      announcing: Announcer(repository, maximumBytes: CheckedArchiveSource.maximumBytesAhead) { $0 }, cost: \.byteCount
    ) { id, workspace in
      CheckedObject(id, repository, codec, workspace)
    }
  }

  func close() { pipeline.close() }

  /// The next archive. All its stream chunks must be asked for before the one after it.
  mutating func next() throws -> Opened {
    while opened.count < CheckedArchiveSource.maximumArchivesAhead, let entry = waiting.popFirst() {
      let archive = try open(entry)
      announcer?.advance()
      opened.append(archive)
      guard case .sound(let sound) = archive else { continue }
      pipeline.request(
        sound.metadata.items.map { (input: $0, expectedCost: CheckedArchiveSource.usualChunkLength) })
    }
    return opened.removeFirst()
  }

  func nextChunk() throws -> CheckedObject {
    let outcome = try pipeline.next()
    if case .failed(let error) = outcome { throw error }
    return outcome
  }

  // MARK: Metadata

  private func open(_ entry: Manifest.Entry) throws -> Opened {
    guard state.references.contains(entry.id) else {
      return .lost(["Archive metadata block \(entry.id.hex) is missing!"])
    }
    let packed: [UInt8]
    switch CheckedObject(entry.id, state.session.repository, state.session.codec, workspace) {
    case .bytes(let bytes): packed = bytes
    case .missing(let error): throw error
    case .damaged(let text): return .lost(["Archive metadata block \(entry.id.hex) is corrupted: \(text)"])
    case .failed(let error): throw error
    }
    let isAuthenticated: Bool
    do {
      isAuthenticated = try verify(packed)
    } catch let error where CheckState.isDamage(error) {
      return .lost([
        "Archive TAM authentication issue for archive \(displayText(entry.name)): \(CheckState.text(error))",
        state.repairs
          ? "This archive will be *removed* from the manifest! It will be deleted."
          : "This archive would be *removed* / *deleted* when using --repair!",
      ])
    }
    return try decode(packed, entry, isAuthenticated)
  }

  private func verify(_ packed: [UInt8]) throws -> Bool {
    let key = state.session.key
    do {
      return try TAM.verify(packed, key: key, .archive, required: key.tamRequired)
    } catch ArchiveError.archiveTAMInvalid where state.session.context.worksAround("ignore_invalid_archive_tam") {
      return false
    }
  }

  /// An archive of another version is nothing that this program may judge.
  private func decode(_ packed: [UInt8], _ entry: Manifest.Entry, _ isAuthenticated: Bool) throws -> Opened {
    do {
      return .sound(
        CheckedArchive(
          entry: entry, metadata: try ArchiveMetadata(decoding: packed), isAuthenticated: isAuthenticated))
    } catch let error as FormatError {
      if let version = try? MessagePackValue(decoding: packed)["version"]?.intValue, version != 1 {
        throw ArchiveError.plain("Unknown archive metadata version")
      }
      return .lost(["Archive metadata block \(entry.id.hex) is corrupted: \(CheckState.text(error))"])
    }
  }
}
