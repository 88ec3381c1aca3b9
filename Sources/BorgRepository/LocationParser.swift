import BorgFormat

/// The forms in which a location can be written, tried in order: ssh URL, file URL, scp form, plain path.
enum LocationParser {
  static func parse(_ text: [UInt8]) -> Location? {
    parseSSH(text) ?? parseFile(text) ?? parseSCP(text) ?? parsePath(text[...], host: .local)
  }

  /// The archive of `::archive`; empty for empty text and for `::`. Nil when `text` is something else.
  static func archiveAlone(_ text: [UInt8]) -> [UInt8]? {
    guard !text.isEmpty else { return [] }
    guard text.starts(with: separator) else { return nil }
    let archive = text.dropFirst(2)
    return archive.contains(slash) ? nil : Array(archive)
  }

  /// `ssh://[user@]host[:port]/path[::archive]`
  private static func parseSSH(_ text: [UInt8]) -> Location? {
    guard let rest = text[...].dropping("ssh://") else { return nil }
    for (user, afterUser) in userSplits(rest) {
      guard let (host, afterHost) = hostPrefix(afterUser), let (port, path) = portPrefix(afterHost),
        let (name, archive) = splitArchive(path, minimumPath: 2), name.first == slash
      else { continue }
      return Location(host: .ssh(user: user, host: host, port: port), path: normalized(name), archive: archive)
    }
    return nil
  }

  /// `file://[server]/path[::archive]`; the server's name is part of the path.
  private static func parseFile(_ text: [UInt8]) -> Location? {
    guard let rest = text[...].dropping("file://"), let start = rest.firstIndex(of: slash),
      let (path, archive) = splitArchive(rest[start...], minimumPath: 2)
    else { return nil }
    return Location(host: .local, path: normalized(rest[..<start] + path), archive: archive)
  }

  /// `[user@]host:path[::archive]`
  private static func parseSCP(_ text: [UInt8]) -> Location? {
    for (user, afterUser) in userSplits(text[...]) {
      guard let (host, afterHost) = hostPrefix(afterUser), afterHost.first == colon,
        let location = parsePath(afterHost.dropFirst(), host: .ssh(user: user, host: host, port: nil))
      else { continue }
      return location
    }
    return nil
  }

  private static func parsePath(_ text: ArraySlice<UInt8>, host: Location.Host) -> Location? {
    guard text.first != colon, !text.starts(with: [slash, slash]), text.dropping("ssh://") == nil,
      let (path, archive) = splitArchive(text, minimumPath: 1)
    else { return nil }
    return Location(host: host, path: normalized(path), archive: archive)
  }

  /// With the text before the first `@` as user when it can be one, and without a user.
  private static func userSplits(_ text: ArraySlice<UInt8>) -> [(String?, ArraySlice<UInt8>)] {
    let whole: (String?, ArraySlice<UInt8>) = (nil, text)
    guard let end = text.firstIndex(where: { $0 == at || $0 == colon || $0 == slash }), text[end] == at,
      end > text.startIndex
    else { return [whole] }
    return [(String(decoding: text[..<end], as: UTF8.self), text[(end + 1)...]), whole]
  }

  /// A name or IPv4 address up to the next `:` or `/`, or an IPv6 address in brackets.
  private static func hostPrefix(_ text: ArraySlice<UInt8>) -> (String, ArraySlice<UInt8>)? {
    if text.first == UInt8(ascii: "[") {
      let address = text.dropFirst().prefix { isHexDigit($0) || $0 == colon || $0 == UInt8(ascii: ".") }
      guard !address.isEmpty, address.endIndex < text.endIndex, text[address.endIndex] == UInt8(ascii: "]") else {
        return nil
      }
      return (String(decoding: address, as: UTF8.self), text[(address.endIndex + 1)...])
    }
    let name = text.prefix { $0 != colon && $0 != slash }
    guard !name.isEmpty, name.last != UInt8(ascii: "]") else { return nil }
    return (String(decoding: name, as: UTF8.self), text[name.endIndex...])
  }

  /// `:digits`, or nothing. Port 0 counts as none.
  private static func portPrefix(_ text: ArraySlice<UInt8>) -> (Int?, ArraySlice<UInt8>)? {
    guard text.first == colon else { return (nil, text) }
    let digits = text.dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let port = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
    return (port == 0 ? nil : port, text[digits.endIndex...])
  }

  /// Splits at the first `::` that follows at least `minimumPath` bytes and is not part of a longer run before it.
  private static func splitArchive(
    _ text: ArraySlice<UInt8>, minimumPath: Int
  ) -> (path: ArraySlice<UInt8>, archive: [UInt8]?)? {
    guard text.count >= minimumPath else { return nil }
    guard let end = firstSeparator(text) else { return (text, nil) }
    let archive = text[(end + 2)...]
    guard end - text.startIndex >= minimumPath, !archive.isEmpty, !archive.contains(slash) else { return nil }
    return (text[..<end], Array(archive))
  }

  private static func firstSeparator(_ text: ArraySlice<UInt8>) -> Int? {
    var index = text.startIndex
    while index + 1 < text.endIndex {
      if text[index] == colon && text[index + 1] == colon { return index }
      index += 1
    }
    return nil
  }

  /// POSIX normpath, except that a leading `/./` (relative to the login directory) stays.
  private static func normalized(_ path: some Sequence<UInt8>) -> [UInt8] {
    let path = Array(path)
    let isRelative = path.starts(with: [slash, UInt8(ascii: "."), slash])
    let normal = ArchivePath.normalized(path)
    return isRelative ? [slash, UInt8(ascii: ".")] + normal : normal
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
      UInt8(ascii: "A")...UInt8(ascii: "F"):
      true
    default: false
    }
  }

  private static let at = UInt8(ascii: "@")
  private static let colon = UInt8(ascii: ":")
  private static let slash = UInt8(ascii: "/")
  private static let separator = [colon, colon]
}

extension ArraySlice<UInt8> {
  fileprivate func dropping(_ prefix: StaticString) -> ArraySlice<UInt8>? {
    let start = prefix.withUTF8Buffer { Array($0) }
    return starts(with: start) ? dropFirst(start.count) : nil
  }
}
