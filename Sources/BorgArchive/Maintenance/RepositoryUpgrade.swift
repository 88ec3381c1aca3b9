import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// `borg upgrade` without the TAM options: repositories of Attic and key files of Borg before 1.0 become what Borg 1.x
/// expects. A current repository stays as it is, but for a README of the same words.
public struct RepositoryUpgrade {
  private let repository: LocalRepository
  private let conversion: AtticConversion
  private let environment: Environment
  private let monitor: any Monitor
  private static let logger = "borg.upgrader"

  /// `repository` is opened for conversion.
  public init(
    _ repository: LocalRepository, _ conversion: AtticConversion, environment: Environment, monitor: any Monitor
  ) {
    self.repository = repository
    self.conversion = conversion
    self.environment = environment
    self.monitor = monitor
  }

  /// `now`: the local time that the copy's name gets, as `YYYY-mm-dd-HH:MM:SS`.
  public func run(now: String) throws {
    if !conversion.inPlace { try copy(now) }
    info("opening attic repository with borg and converting")
    try convertAtticKey()
    try convertRepository()
    info("converting borg 0.xx to borg current")
    try moveOldBorgKey()
  }

  private func copy(_ now: String) throws {
    let target = "\(repository.location.canonicalPath).before-upgrade-\(now)"
    info("making a hardlink copy in \(target)")
    if !conversion.isDryRun { try repository.linkCopy(to: Array(target.utf8)) }
  }

  private func convertRepository() throws {
    if let index = try repository.convertIndex(conversion) {
      info("converting repo index \(displayText(index))")
    } else {
      note("no index file found for repository \(repository.location.canonicalPath)")
    }
    info("converting \(try repository.segmentCount()) segments...")
    try repository.convertSegments(conversion)
    if !conversion.isDryRun { try repository.replaceReadme() }
  }

  private func info(_ text: String) { monitor.info(text, logger: Self.logger) }
  private func note(_ text: String) { monitor.note(text, logger: Self.logger) }
}

/// Key files.
extension RepositoryUpgrade {
  private var base: String { environment.baseDirectory }

  private func convertAtticKey() throws {
    let magic = "ATTIC KEY"
    guard let key = try keyFile(in: environment["ATTIC_KEYS_DIR"] ?? "\(base)/.attic/keys", magic: magic) else {
      return note("no key file found for repository")
    }
    info("converting keyfile \(displayText(key.path))")
    let target = try keyPath(key.path)
    info("writing borg keyfile to \(displayText(target))")
    guard !conversion.isDryRun else { return }
    try Files.replace(target, with: Array("BORG_KEY".utf8) + key.text.dropFirst(magic.utf8.count))
  }

  private func moveOldBorgKey() throws {
    guard let key = try keyFile(in: environment["BORG_KEYS_DIR"] ?? "\(base)/.borg/keys", magic: "BORG_KEY") else {
      return note("no key file found for repository")
    }
    let target = try keyPath(key.path)
    if !conversion.isDryRun, target != key.path { try Files.rename(key.path, target) }
  }

  /// Where Borg 1.x looks for a key file of this name.
  private func keyPath(_ path: [UInt8]) throws -> [UInt8] {
    try environment.ensureDirectory(environment.keysDirectory)
    let name = Array(path[((path.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...])
    return Files.join(Array(environment.keysDirectory.utf8), name)
  }

  /// The file whose first line is the magic and this repository's id.
  private func keyFile(in directory: String, magic: String) throws -> (path: [UInt8], text: [UInt8])? {
    let directory = Array(directory.utf8)
    guard Files.exists(directory) else { return nil }
    for name in try Files.names(in: directory).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let path = Files.join(directory, name)
      guard try Files.status(path).st_mode & S_IFMT == S_IFREG,
        let text = try? Files.read(path, limit: Self.maximumKeyFileLength)
      else { continue }
      let line = String(decoding: text.prefix { $0 != 0x0a }, as: UTF8.self)
      if line == "\(magic) \(repository.id.hex)" { return (path, text) }
    }
    return nil
  }

  /// Far above any key file; what is longer is none.
  private static let maximumKeyFileLength = 1 << 20
}
