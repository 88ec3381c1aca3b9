import BorgArchive
import BorgFormat
import BorgObjects

/// Finds the directories of an archive that hold a tag: --exclude-caches and --exclude-if-present for archived items.
struct TaggedDirectories {
  private static let cacheTag = Array("CACHEDIR.TAG".utf8)
  private static let signature = Array("Signature: 8a477f597d28d172789f06886806bc55".utf8)

  private let archive: Archive
  private let options: RecreateOptions
  private let reader: ChunkReader

  init(_ archive: Archive, _ options: RecreateOptions) {
    self.archive = archive
    self.options = options
    reader = ChunkReader(repository: archive.session.repository, codec: archive.session.codec, cacheBytes: 8 << 20)
  }

  /// Adds what leaves the tagged directories out; the tags themselves stay if they shall.
  func exclude(from matcher: PatternMatcher) throws {
    var tags: [PathPattern] = []
    var directories: [PathPattern] = []
    for (directory, tag) in try find(matcher) {
      if options.keepsExcludeTags {
        tags.append(try PathPattern(.pp, tag))
        directories.append(try PathPattern(.fm, directory + [UInt8(ascii: "/")]))
      } else {
        directories.append(try PathPattern(.pp, directory))
      }
    }
    for tag in tags { matcher.add(.include, tag) }
    for directory in directories { matcher.add(.excludeNoRecurse, directory) }
  }

  private func find(_ matcher: PatternMatcher) throws -> [(directory: [UInt8], tag: [UInt8])] {
    var masters = try cacheTagMasters()
    var found: [(directory: [UInt8], tag: [UInt8])] = []
    try archive.forEachItem { item in
      let (directory, name) = Self.split(item.path)
      guard item.part == nil, name == Self.cacheTag || matcher.decide(item.path).isIncluded else { return true }
      if masters[item.path] != nil { masters[item.path] = item }
      if options.excludeIfPresent.contains(name) {
        found.append((directory, item.path))
      } else if options.excludesCaches, name == Self.cacheTag, item.isRegular {
        let content = item.chunks != nil ? item : item.source.flatMap { masters[ArchivePath.linked($0)] ?? nil }
        if let chunks = content?.chunks, try isCacheTag(chunks) { found.append((directory, item.path)) }
      }
      return true
    }
    return found
  }

  /// The first names of tags that are later names of a hard link, with the items when they have come.
  private func cacheTagMasters() throws -> [[UInt8]: Item?] {
    guard options.excludesCaches else { return [:] }
    var masters: [[UInt8]: Item?] = [:]
    try archive.forEachItem { item in
      guard item.isRegular, item.chunks == nil, let source = item.source else { return true }
      if Self.split(item.path).name == Self.cacheTag { masters.updateValue(nil, forKey: ArchivePath.linked(source)) }
      return true
    }
    return masters
  }

  private func isCacheTag(_ chunks: [ChunkListEntry]) throws -> Bool {
    var start = [UInt8](repeating: 0, count: Self.signature.count)
    let count = try start.withUnsafeMutableBytes { try reader.read(chunks, offset: 0, into: $0) }
    return count == start.count && start == Self.signature
  }

  private static func split(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
    guard let slash = path.lastIndex(of: UInt8(ascii: "/")) else { return ([], path) }
    return (Array(path[..<slash]), Array(path[(slash + 1)...]))
  }
}
