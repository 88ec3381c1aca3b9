import BorgFormat
import BorgSystem
import Glibc

/// Writing `hints.N`, `index.N` and `integrity.N` after a commit (repository.md section 8, step 5).
extension RepositoryCore {
  /// In this order, so that a crash at any point leaves either the old files or the new ones in force: contents
  /// durable first, then integrity in place, then hints and index; the old ones go last.
  func writeAuxiliaryFiles(_ transaction: Int, _ index: RepositoryIndex, _ hints: Hints) throws {
    if appendOnly { try logTransaction(transaction) }
    let hintsBytes = hints.encoded()
    let hintsDigests = hintsBytes.withUnsafeBytes {
      IntegrityData(fileName: AuxiliaryFile.hints.name(transaction), file: $0, headerLength: nil)
    }
    try hintsBytes.withUnsafeBytes { try writeTemporary(.hints, transaction, $0) }
    let indexDigests = try index.withFileBytes { bytes in
      try writeTemporary(.index, transaction, bytes)
      return IntegrityData(
        fileName: AuxiliaryFile.index.name(transaction), file: bytes, headerLength: HashIndex.headerSize)
    }
    let integrity = IntegrityFile.encoded(hints: hintsDigests, index: indexDigests)
    try integrity.withUnsafeBytes { try writeTemporary(.integrity, transaction, $0) }

    try moveIntoPlace(.integrity, transaction)
    try Files.syncDirectory(path)
    try moveIntoPlace(.hints, transaction)
    try moveIntoPlace(.index, transaction)
    try Files.syncDirectory(path)
    try removeAuxiliaryFiles(except: transaction)
  }

  private func writeTemporary(_ kind: AuxiliaryFile, _ transaction: Int, _ bytes: UnsafeRawBufferPointer) throws {
    let file = try File.open(temporaryPath(kind, transaction), O_WRONLY | O_CREAT | O_TRUNC)
    try file.write(bytes)
    try file.sync()
    try file.close()
  }

  private func moveIntoPlace(_ kind: AuxiliaryFile, _ transaction: Int) throws {
    try Files.rename(temporaryPath(kind, transaction), auxiliaryPath(kind, transaction))
  }

  private func temporaryPath(_ kind: AuxiliaryFile, _ transaction: Int) -> [UInt8] {
    auxiliaryPath(kind, transaction) + Array(".tmp".utf8)
  }

  /// Also removes temporary files that a crash left.
  private func removeAuxiliaryFiles(except transaction: Int) throws {
    let current = Array(".\(transaction)".utf8)
    let prefixes = AuxiliaryFile.allCases.map { Array("\($0.rawValue).".utf8) }
    for name in try Files.names(in: path) where prefixes.contains(where: { name.starts(with: $0) }) {
      if !name.suffix(current.count).elementsEqual(current) { try Files.unlink(Files.join(path, name)) }
    }
  }

  /// Append-only repositories keep a log by which their owner can go back by hand.
  private func logTransaction(_ transaction: Int) throws {
    let time = Timestamp.utcText(nanoseconds: Clock.system.now())
    let log = try File.open(Files.join(path, Array("transactions".utf8)), O_WRONLY | O_CREAT | O_APPEND)
    try log.write(Array("transaction \(transaction), UTC time \(time)\n".utf8))
    try log.close()
  }
}
