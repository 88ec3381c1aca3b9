import BorgFormat
import BorgSystem
import Glibc

/// Replaces the repository's `config` and sees to it that the old one, which may hold an old key, does not stay on the
/// disk (repository.md 3.3).
struct ConfigWriter {
  let repository: [UInt8]
  /// Without a lock, a repository that cannot be written is none of our business.
  let toleratesReadOnly: Bool
  let monitor: any Monitor

  private var path: [UInt8] { Files.join(repository, Array("config".utf8)) }
  private var oldPath: [UInt8] { Files.join(repository, Array("config.old".utf8)) }

  func write(_ config: ConfigFile) throws {
    if Files.exists(oldPath) {
      monitor.note("Old config file not securely erased on previous config update", logger: repositoryLogger)
      try erase(oldPath)
    }
    if Files.exists(path) { try keepOld() }
    do {
      try Files.replace(path, with: config.encoded())
    } catch let error as SystemError where toleratesReadOnly && [EACCES, EPERM].contains(error.code) {
      noteReadOnly(error, monitor)
    }
    if Files.exists(oldPath) { try erase(oldPath) }
  }

  private func keepOld() throws {
    do {
      try Files.link(path, oldPath)
    } catch let error as SystemError where ConfigWriter.linkRefusals.contains(error.code) {
      monitor.note(
        "Failed to securely erase old repository config file (hardlinks not supported). "
          + "Old repokey data, if any, might persist on physical storage.", logger: repositoryLogger)
    }
  }

  /// Overwrites the file with random bytes, unless another name still needs its contents, and unlinks it.
  private func erase(_ path: [UInt8]) throws {
    let file = try File.open(path, O_RDWR)
    if try file.status().st_nlink == 1 {
      try file.write(randomBytes(Int(try file.size())))
      try file.sync()
    }
    try file.close()
    try Files.unlink(path)
  }

  private static let linkRefusals = [EMLINK, ENOSYS, EPERM, EACCES, ENOTSUP, EIO]
}

/// The name under which repositories log, as in Borg.
let repositoryLogger = "borg.repository"

func noteReadOnly(_ error: SystemError, _ monitor: any Monitor) {
  let path = String(decoding: error.path ?? [], as: UTF8.self)
  monitor.note(
    "\(error.message): Failed writing to '\(path)'. This is expected when working on read-only repositories.",
    logger: repositoryLogger)
}

/// Bytes from the system's random generator.
func randomBytes(_ count: Int) -> [UInt8] {
  var generator = SystemRandomNumberGenerator()
  return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
