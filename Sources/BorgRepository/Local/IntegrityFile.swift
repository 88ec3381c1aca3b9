import BorgFormat
import BorgSystem
import Glibc

/// `integrity.N`: the digests of `index.N` and `hints.N` (repository.md 10.3).
struct IntegrityFile {
  private var digests: [AuxiliaryFile: String] = [:]
  private var guardsFiles = false

  init() {}

  /// Without the file, or with a version that we do not know, nothing is verified. A file that makes no sense fails
  /// every verification.
  static func read(_ path: [UInt8], monitor: any Monitor) throws -> IntegrityFile {
    do {
      let file = try IntegrityFile(decoding: Files.read(path, limit: maximumSize))
      if let file { return file }
      let name = String(decoding: path.split(separator: UInt8(ascii: "/")).last ?? [], as: UTF8.self)
      monitor.note("Unknown integrity data version in \(name)", logger: repositoryLogger)
      return IntegrityFile()
    } catch let error as SystemError where error.code == ENOENT {
      return IntegrityFile()
    } catch is FormatError {
      var unreadable = IntegrityFile()
      unreadable.guardsFiles = true
      return unreadable
    }
  }

  /// Nil for a version other than 2. Throws `FormatError`.
  private init?(decoding bytes: [UInt8]) throws {
    guard case .map(let entries) = try MessagePackValue(decoding: bytes) else { throw FormatError("integrity: no map") }
    func value(_ key: String) -> MessagePackValue? { entries.first { $0.key == .raw(Array(key.utf8)) }?.value }
    guard value("version") == .int(2) else { return nil }
    guardsFiles = true
    for kind in AuxiliaryFile.allCases {
      if case .raw(let text)? = value(kind.rawValue) { digests[kind] = String(decoding: text, as: UTF8.self) }
    }
  }

  /// How a file's bytes are to be verified.
  enum Verification {
    case unguarded
    case guarded(IntegrityData)
    case impossible
  }

  func verification(of kind: AuxiliaryFile, path: [UInt8], monitor: any Monitor) -> Verification {
    guard guardsFiles else { return .unguarded }
    guard let json = digests[kind], let integrity = IntegrityData(json: json) else { return .impossible }
    if !integrity.isAlgorithmKnown {
      let path = String(decoding: path, as: UTF8.self)
      monitor.note(
        "Cannot verify integrity of \(path): Unknown algorithm '\(integrity.algorithm)'", logger: repositoryLogger)
    }
    return .guarded(integrity)
  }

  func verifies(
    _ kind: AuxiliaryFile, path: [UInt8], name: String, _ bytes: UnsafeRawBufferPointer, monitor: any Monitor
  ) -> Bool {
    switch verification(of: kind, path: path, monitor: monitor) {
    case .unguarded: true
    case .impossible: false
    case .guarded(let integrity):
      integrity.verifies(fileName: name, file: bytes, headerLength: kind == .index ? HashIndex.headerSize : nil)
    }
  }

  /// The file's bytes for the digests' JSON texts.
  static func encoded(hints: IntegrityData, index: IntegrityData) -> [UInt8] {
    var writer = MessagePackWriter()
    writer.writeMapHeader(3)
    writer.writeRaw("version")
    writer.writeInt(2)
    writer.writeRaw("hints")
    writer.writeRaw(Array(hints.json.utf8))
    writer.writeRaw("index")
    writer.writeRaw(Array(index.json.utf8))
    return writer.bytes
  }

  private static let maximumSize = 1 << 20
}
