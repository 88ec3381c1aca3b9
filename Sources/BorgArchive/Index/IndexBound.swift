import BorgSystem
import Glibc

/// Keeps the index folders of all repositories together below a bound of bytes. What was not used for longest goes first.
struct IndexBound: Sendable {
  /// The folder with one folder for each repository.
  let folder: [UInt8]
  let maximumBytes: Int

  private static let usualBytes = 1 << 30
  private static let secondsBetweenNotes = 3600
  private static let secondsOfTemporaryFiles = 3600
  /// What a file costs beyond its bytes: half a block, an inode.
  private static let fileOverhead = 2560

  /// BORG_MOUNT_INDEX_SIZE: bytes, with K, M or G for multiples by 1024; 0: no index is kept.
  static func bytes(_ environment: Environment) -> Int {
    environment.nonEmpty("BORG_MOUNT_INDEX_SIZE").flatMap { ByteCount.parse($0) } ?? usualBytes
  }

  /// The file's time of change tells when it was last used, to the hour.
  static func noteUse(of file: File, _ status: stat) {
    if time(nil) - status.st_mtim.tv_sec > secondsBetweenNotes { futimens(file.descriptor, nil) }
  }

  /// Whether so many more bytes are a reason to look whether there are too many.
  func isDue(after written: Int) -> Bool { written > maximumBytes / 16 }

  /// Deletes files until the rest is an eighth below the bound. What cannot be looked at or deleted is left alone.
  func enforce() {
    var files: [(path: [UInt8], bytes: Int, used: Int)] = []
    let now = time(nil)
    for repository in (try? Files.names(in: folder)) ?? [] {
      let directory = Files.join(folder, repository)
      for name in (try? Files.names(in: directory)) ?? [] {
        let path = Files.join(directory, name)
        guard let status = try? Files.status(path, followLinks: false), status.st_mode & S_IFMT == S_IFREG else {
          continue
        }
        if name.suffix(4).elementsEqual(".tmp".utf8) {
          if now - status.st_mtim.tv_sec > IndexBound.secondsOfTemporaryFiles { try? Files.unlink(path) }
        } else if name.count == 40 {
          files.append((path, Int(status.st_size) &+ IndexBound.fileOverhead, status.st_mtim.tv_sec))
        }
      }
    }
    var total = files.reduce(0) { $0 &+ $1.bytes }
    guard total > maximumBytes else { return }
    files.sort { $0.used < $1.used }
    for file in files where total > maximumBytes / 8 * 7 {
      try? Files.unlink(file.path)
      total -= file.bytes
    }
  }
}
