import BorgFormat
import BorgSystem
import Glibc

/// The repository's `nonce`: the next AES-CTR counter value that nobody has reserved (repository.md section 19).
struct NonceFile {
  let path: [UInt8]

  init(repository: [UInt8]) {
    path = Files.join(repository, Array("nonce".utf8))
  }

  /// Nil when there is no file. Throws `RepositoryError.refused` when it does not hold 16 hex digits.
  func read() throws -> UInt64? {
    let bytes: [UInt8]
    do {
      bytes = try Files.read(path, limit: 1 << 16)
    } catch let error as SystemError where error.code == ENOENT {
      return nil
    }
    let text = String(decoding: bytes, as: UTF8.self).trimmingSpaces()
    guard let value = Hex.decode(text), value.count == 8 else {
      throw RepositoryError.refused("Repository has an invalid nonce file: \(text.prefix(64))")
    }
    return value.reduce(0) { $0 << 8 | UInt64($1) }
  }

  func write(_ value: UInt64) throws {
    let bytes = withUnsafeBytes(of: value.bigEndian) { Array($0) }
    try Files.replace(path, with: Array(Hex.encode(bytes).utf8))
  }
}
