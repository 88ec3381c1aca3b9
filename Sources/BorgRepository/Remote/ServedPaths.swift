import BorgFormat
import BorgSystem
import Glibc

/// Which repository a client's path means on this machine, and whether it may be opened (remote.md sections 2 and 4.1).
struct ServedPaths: Sendable {
  let restrictedPaths: [[UInt8]]
  let restrictedRepositories: [[UInt8]]
  let environment: Environment

  /// The real path, without links. Throws `ServingError.pathNotAllowed`, `SystemError`.
  func resolve(_ path: [UInt8]) throws -> [UInt8] {
    guard path.count <= ServedPaths.maximumLength else { throw SystemError(code: ENAMETOOLONG) }
    let real = try Files.resolved(expanded(path))
    let allowed =
      try (restrictedPaths.isEmpty || restrictedPaths.contains { try contains(Files.resolved($0), real) })
      && (restrictedRepositories.isEmpty || restrictedRepositories.contains { try Files.resolved($0) == real })
    guard allowed else { throw ServingError.pathNotAllowed(String(decoding: real, as: UTF8.self)) }
    return real
  }

  /// Whether the path is the directory or below it.
  private func contains(_ directory: [UInt8], _ path: [UInt8]) -> Bool {
    directory == path || path.starts(with: directory.last == slash ? directory : directory + [slash])
  }

  /// `~` and `~user` are home directories, `/./` the current one; URLs bring a slash before them.
  private func expanded(_ path: [UInt8]) -> [UInt8] {
    if path.starts(with: Array("/./".utf8)) { return Array(path[3...]) }
    let rest = path.starts(with: Array("/~".utf8)) ? path[1...] : path[...]
    guard rest.first == UInt8(ascii: "~") else { return path }
    let user = rest.dropFirst().prefix { $0 != slash }
    let below = Array(rest.dropFirst(1 + user.count))
    guard !user.isEmpty else {
      let home = below.isEmpty ? environment.nonEmpty("HOME") ?? environment.baseDirectory : environment.baseDirectory
      return Array(home.utf8) + below
    }
    guard let home = Users().home(ofUser: String(decoding: user, as: UTF8.self)) else { return Array(rest) }
    return Array(home.utf8) + below
  }

  private static let maximumLength = 1 << 14
  private var slash: UInt8 { UInt8(ascii: "/") }
}
