import BorgFormat
import BorgObjects
import BorgSystem
import Glibc

/// Cache files with the digests that guard them (caches.md 3.2).
enum VerifiedFile {
  /// Whether `file` has the digests of `integrity` (JSON text; nil: unchecked). Unreadable digests count as damage.
  static func isIntact(
    _ file: UnsafeRawBufferPointer, name: String, integrity: String?, headerLength: Int?, monitor: any Monitor
  ) -> Bool {
    guard let integrity else { return true }
    guard let data = IntegrityData(json: integrity) else {
      monitor.note("Could not parse integrity data for \(name)", logger: "borg.crypto.file_integrity")
      return false
    }
    return data.verifies(fileName: name, file: file, headerLength: headerLength)
  }

  /// Writes `bytes` over the file called `name` at `path`, and returns its digests as JSON.
  static func write(_ bytes: UnsafeRawBufferPointer, to path: [UInt8], name: String, headerLength: Int?) throws
    -> String
  {
    try overwrite(path, with: bytes)
    return IntegrityData(fileName: name, file: bytes, headerLength: headerLength).json
  }

  static func overwrite(_ path: [UInt8], with text: String) throws {
    try Array(text.utf8).withUnsafeBytes { try overwrite(path, with: $0) }
  }

  static func overwrite(_ path: [UInt8], with bytes: UnsafeRawBufferPointer) throws {
    let file = try File.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC)
    try file.write(bytes)
    try file.close()
  }
}
