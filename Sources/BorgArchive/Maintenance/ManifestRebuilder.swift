import BorgFormat
import BorgObjects
import BorgRepository
import BorgSystem

/// Makes a new manifest for a repository that has lost its own: every object is read, and those that are archive
/// metadata with a valid TAM are put on it (archives.md section 8).
struct ManifestRebuilder {
  private static let usualLength = 32 << 10
  private static let batch = 1000
  private let state: CheckState

  init(_ state: CheckState) {
    self.state = state
  }

  func run() throws {
    info("Rebuilding missing manifest, this might take some time...")
    let ids = state.references.ids
    let (repository, codec) = (state.session.repository, state.session.codec)
    // Of what is no archive nothing is kept.
    let pipeline = OrderedPipeline<ChunkID, CheckedObject?>(
      threads: nil, maximumBytesAhead: 32 << 20, announcing: Announcer(repository) { $0 }, cost: { $0?.byteCount ?? 0 }
    ) { id, workspace in
      let object = CheckedObject(id, repository, codec, workspace)
      if case .bytes(let bytes) = object, !ManifestRebuilder.seemsArchive(bytes) { return nil }
      return object
    }
    defer { pipeline.close() }
    var progress = FinePercentProgress(
      "Rebuilding manifest", messageID: "check.rebuild_manifest", total: ids.count, decimals: 2,
      monitor: state.monitor)
    pipeline.request(ids.lazy.map { (input: $0, expectedCost: ManifestRebuilder.usualLength) })
    for id in ids {
      progress.advance()
      switch try pipeline.next() {
      case nil, .missing: break
      case .bytes(let bytes): try add(id, bytes)
      case .damaged(let text): state.report("Skipping corrupted chunk: \(text)")
      case .failed(let error): throw error
      }
    }
    progress.finish()
    info("Manifest rebuild complete.")
    guard !state.repairs else { return }
    state.monitor.note(
      "The rebuilt manifest will only be committed when using --repair!", logger: CheckState.logger)
  }

  private static let archiveKeys = Set(
    [
      "version", "name", "items", "cmdline", "hostname", "username", "time", "time_end", "comment", "chunker_params",
      "recreate_cmdline", "recreate_source_id", "recreate_args", "recreate_partial_chunks", "size", "csize", "nfiles",
      "size_parts", "csize_parts", "nfiles_parts", "cwd",
    ].map { Array($0.utf8) })

  /// The quick look: a small map whose first key is an archive's, and the marks that every archive has.
  private static func seemsArchive(_ bytes: [UInt8]) -> Bool {
    guard let head = bytes.first, head & 0xf0 == 0x80 || head == 0xde else { return false }
    return bytes.withUnsafeBytes { bytes in
      var reader = MessagePackReader(bytes)
      guard let count = try? reader.readMapHeader(), count > 0, let key = try? reader.readRaw(),
        archiveKeys.contains([UInt8](key))
      else { return false }
      return contains("cmdline", bytes) && contains("\u{7}version\u{1}", bytes)
    }
  }

  /// U+0007 stands for the byte a7 that begins a text of seven bytes.
  private static func contains(_ text: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
    let needle = text.utf8.map { $0 == 7 ? UInt8(0xa7) : $0 }
    guard let first = needle.first, bytes.count >= needle.count else { return false }
    return (0...bytes.count - needle.count).contains { start in
      bytes[start] == first
        && UnsafeRawBufferPointer(rebasing: bytes[start..<start + needle.count]).elementsEqual(needle)
    }
  }

  private func add(_ id: ChunkID, _ bytes: [UInt8]) throws {
    guard let value = try? MessagePackValue(decoding: bytes), let rawName = value["name"]?.rawValue,
      let time = value["time"]?.rawValue, value["items"] != nil, value["cmdline"] != nil, value["version"] != nil
    else { return }
    do {
      _ = try TAM.verify(bytes, key: state.session.key, .archive, required: state.session.key.tamRequired)
    } catch {
      state.report("Archive TAM authentication issue for archive \(displayText(rawName)): \(CheckState.text(error))")
      state.report("This archive will *not* be added to the rebuilt manifest! It will be deleted.")
      return
    }
    info("Found archive \(displayText(rawName))")
    state.session.setArchive(Manifest.Entry(name: freeName(rawName), id: id, time: time))
  }

  private func freeName(_ name: [UInt8]) -> [UInt8] {
    guard state.session.manifest.entry(named: name) != nil else { return name }
    var number = 1
    while state.session.manifest.entry(named: name + Array(".\(number)".utf8)) != nil { number += 1 }
    let free = name + Array(".\(number)".utf8)
    state.monitor.note(
      "Duplicate archive name \(displayText(name)), storing as \(displayText(free))", logger: CheckState.logger)
    return free
  }

  private func info(_ message: String) { state.monitor.info(message, logger: CheckState.logger) }
}
