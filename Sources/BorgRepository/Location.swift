import BorgFormat
import BorgSystem

/// Where a repository is, and which archive in it (cli.md 1.6). Placeholders are expanded before parsing.
public struct Location: Sendable, Equatable {
  public enum Host: Sendable, Equatable {
    case local
    /// An IPv6 address stands without its brackets.
    case ssh(user: String?, host: String, port: Int?)
  }

  public var host: Host
  /// As given, normalised; not made absolute. Bytes that are not UTF-8 stay as they are.
  public var path: [UInt8]
  public var archive: [UInt8]?
  /// The text it was parsed from, for messages; BORG_REPO's where that was left out. Not a part of what it names.
  public private(set) var givenText: [UInt8]?

  public init(host: Host, path: [UInt8], archive: [UInt8]? = nil) {
    self.host = host
    self.path = path
    self.archive = archive
  }

  /// Nil when the text is no location. `defaultRepository` is BORG_REPO's text, for empty text, `::` and `::archive`.
  public init?(parsing text: [UInt8], defaultRepository: [UInt8]?) {
    if let location = LocationParser.parse(text) {
      self = location
      givenText = text
      return
    }
    guard let repository = defaultRepository, let archive = LocationParser.archiveAlone(text),
      let location = LocationParser.parse(repository)
    else { return nil }
    self = location.with(archive: archive.isEmpty ? nil : archive)
    givenText = archive.isEmpty ? repository : repository + Array("::".utf8) + archive
  }

  public static func == (a: Location, b: Location) -> Bool {
    a.host == b.host && a.path == b.path && a.archive == b.archive
  }

  public var isLocal: Bool { host == .local }

  /// Canonical text without the archive: absolute path, or `ssh://[user@]host[:port]/path`.
  public var canonicalPath: String {
    guard case .ssh(let user, let host, let port) = host else {
      return String(decoding: (try? Files.absolute(path)) ?? path, as: UTF8.self)
    }
    let name = host.contains(":") ? "[\(host)]" : host
    return "ssh://\(user.map { "\($0)@" } ?? "")\(name)\(port.map { ":\($0)" } ?? "")\(remotePathText)"
  }

  /// Canonical text with `::archive` when there is one.
  public var canonicalText: String {
    guard let archive else { return canonicalPath }
    return "\(canonicalPath)::\(String(decoding: archive, as: UTF8.self))"
  }

  /// The name for a new key file (keys.md 6.2).
  public var keyFileName: String {
    var name = KeyFileName.words(path)
    name.trimUnderscores()
    if case .ssh(_, let host, _) = host { name = KeyFileName.words(Array(host.utf8)) + "__" + name }
    var scalars = String.UnicodeScalarView()
    scalars.append(contentsOf: name.unicodeScalars.prefix(KeyFileName.maximumLength))
    return String(scalars)
  }

  public func with(archive: [UInt8]?) -> Location {
    var location = Location(host: host, path: path, archive: archive)
    location.givenText = givenRepository.map { text in archive.map { text + Array("::".utf8) + $0 } ?? text }
    return location
  }

  /// The repository as the user wrote it.
  public var repositoryText: String {
    givenRepository.map { String(decoding: $0, as: UTF8.self) } ?? canonicalPath
  }

  private var givenRepository: [UInt8]? {
    givenText.map { text in archive.map { Array(text.dropLast($0.count + 2)) } ?? text }
  }

  /// The path as it stands after the host: relative to the login directory with `/./`, to a home with `/~`.
  private var remotePathText: String {
    let text = String(decoding: path, as: UTF8.self)
    if text.hasPrefix("~") { return "/\(text)" }
    return text.hasPrefix("/") ? text : "/./\(text)"
  }
}

/// Turns a path into a file name: what is no letter, digit or underscore becomes an underscore.
private enum KeyFileName {
  static let maximumLength = 100

  static func words(_ bytes: [UInt8]) -> String {
    var scalars = String.UnicodeScalarView()
    var parser = UTF8.ForwardParser()
    var source = bytes.makeIterator()
    while true {
      switch parser.parseScalar(from: &source) {
      case .valid(let encoded):
        let scalar = UTF8.decode(encoded)
        scalars.append(isWord(scalar) ? scalar : "_")
      case .error(let length):
        scalars.append(contentsOf: repeatElement("_", count: length))
      case .emptyInput:
        return String(scalars)
      }
    }
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "_" || scalar.properties.numericType != nil { return true }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
    default: return false
    }
  }
}

extension String {
  fileprivate mutating func trimUnderscores() {
    while last == "_" { removeLast() }
    self = String(drop { $0 == "_" })
  }
}
