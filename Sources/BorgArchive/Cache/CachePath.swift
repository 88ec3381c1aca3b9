import BorgFormat
import BorgSystem
import Glibc

/// Where the parts of a repository's cache lie.
enum CachePath {
  static func directory(of repositoryID: ChunkID, environment: Environment) -> [UInt8] {
    Array("\(environment.cacheDirectory)/\(repositoryID.hex)".utf8)
  }

  static func file(_ name: String, in directory: [UInt8]) -> [UInt8] {
    directory + Array("/\(name)".utf8)
  }

  static func isDirectory(_ path: [UInt8]) -> Bool {
    guard let status = try? Files.status(path) else { return false }
    return status.st_mode & S_IFMT == S_IFDIR
  }

  /// `files`, or `files.` with BORG_FILES_CACHE_SUFFIX.
  static func filesName(_ environment: Environment) -> String {
    guard let suffix = environment.nonEmpty("BORG_FILES_CACHE_SUFFIX") else { return "files" }
    return "files.\(suffix)"
  }
}
