import BorgArchive
import BorgFormat
import BorgRepository
import BorgSystem
import Glibc

/// `borg debug dump-repo-objs`: every object's plaintext as a file.
struct DebugDumpRepoObjsCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugDumpRepoObjs }

  private let location: Location
  private let isGhost: Bool
  private let segment: Int?
  private let offset: Int?

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    isGhost = arguments.has("--ghost")
    segment = arguments.integer("--segment")
    offset = arguments.integer("--offset")
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared) }

  func run(in context: CommandContext) throws -> ExitCode {
    if isGhost { try dumpEntries(context) } else { try dumpObjects(context) }
    context.console.write("Done.\n")
    return .success
  }

  private func dumpObjects(_ context: CommandContext) throws {
    let objects = try RepositoryObjects(context)
    try objects.forEach { number, id, plaintext in
      try write(plaintext, "\(padded(number, 8))_\(id.hex).obj", context)
    }
  }

  /// Also what was deleted, replaced or never committed.
  private func dumpEntries(_ context: CommandContext) throws {
    let repository = try localRepository(context)
    var inspection: ObjectInspection?
    try repository.forEachRawEntry { entry in
      guard let object = entry.object else { return true }
      inspection = try ObjectInspection(repository, anyObject: object, context: context.sessionContext)
      return false
    }
    var number = 0
    try repository.forEachRawEntry(segment: segment, offset: offset) { entry in
      let tag =
        switch entry.tag {
        case .put: "put"
        case .delete: "del"
        case .commit: "commit"
        }
      let id = entry.id.map { "_" + $0.hex } ?? ""
      var plaintext: [UInt8] = []
      if let object = entry.object, let id = entry.id, let inspection {
        plaintext = try inspection.plaintext(of: id, object)
      }
      try write(plaintext, "\(padded(number, 8))_\(entry.segment)_\(entry.offset)_\(tag)\(id).obj", context)
      number += 1
      return true
    }
  }

  private func write(_ bytes: [UInt8], _ name: String, _ context: CommandContext) throws {
    context.console.write("Dumping \(name)\n")
    try dump(bytes, Array(name.utf8))
  }
}

/// `borg debug search-repo-objs`: where bytes stand in the objects.
struct DebugSearchRepoObjsCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugSearchRepoObjs }

  private static let surroundings = 32

  private let location: Location
  private let wanted: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    let text = arguments.text("WANTED") ?? []
    wanted =
      if text.starts(with: Array("hex:".utf8)) {
        Hex.decode(displayText(Array(text.dropFirst(4)))) ?? []
      } else {
        text.starts(with: Array("str:".utf8)) ? Array(text.dropFirst(4)) : []
      }
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .shared) }

  func run(in context: CommandContext) throws -> ExitCode {
    guard !wanted.isEmpty else {
      throw ArchiveError.command("search term needs to be hex:123abc or str:foobar style")
    }
    var last: (id: ChunkID, tail: [UInt8])?
    let reach = wanted.count - 1
    try RepositoryObjects(context).forEach { number, id, plaintext in
      if let last, reach > 0 {
        let seam = last.tail.suffix(reach) + plaintext.prefix(reach)
        if Self.places(of: wanted, in: Array(seam)).first != nil {
          let wide = Array(last.tail + plaintext.prefix(reach + Self.surroundings))
          let place = last.tail.count - min(reach, last.tail.count)
          if let found = Self.places(of: wanted, in: wide).first(where: { $0 >= place }) {
            show("\(number) \(last.id.hex) | \(id.hex)", wide, found, context)
          }
        }
      }
      let places = Self.places(of: wanted, in: plaintext)
      if let first = places.first { show("\(number) \(id.hex) #\(places.count)", plaintext, first, context) }
      last = (id, Array(plaintext.suffix(reach + Self.surroundings)))
      if (number + 1).isMultiple(of: 10_000) { context.console.write("\(number + 1) objects processed.\n") }
    }
    context.console.write("Done.\n")
    return .success
  }

  /// Without overlaps.
  private static func places(of wanted: [UInt8], in bytes: [UInt8]) -> [Int] {
    var places: [Int] = []
    bytes.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress, let first = wanted.first else { return }
      var from = 0
      while from + wanted.count <= bytes.count,
        let found = memchr(start + from, Int32(first), bytes.count - wanted.count + 1 - from)
      {
        let place = start.distance(to: UnsafeRawPointer(found))
        let isMatch = memcmp(start + place, wanted, wanted.count) == 0
        if isMatch { places.append(place) }
        from = place + (isMatch ? wanted.count : 1)
      }
    }
    return places
  }

  private func show(_ info: String, _ bytes: [UInt8], _ place: Int, _ context: CommandContext) {
    let before = Array(bytes[..<place].suffix(Self.surroundings))
    let after = Array(bytes[(place + wanted.count)...].prefix(Self.surroundings))
    let hex = [before, wanted, after].map { Hex.encode($0) }.joined(separator: " ")
    let shown = [before, wanted, after].map { DumpText.pythonBytes($0) }.joined(separator: " ")
    context.console.write("\(info): \(hex) == \(shown)\n")
  }
}

/// `borg debug dump-hints`: the repository's hints as JSON.
struct DebugDumpHintsCommand: BorgCommand {
  static var declaration: CommandDeclaration { CommandTable.debugDumpHints }

  private let location: Location
  private let path: [UInt8]

  init(_ arguments: ParsedArguments) {
    location = arguments.location("REPOSITORY")
    path = arguments.text("PATH") ?? []
  }

  var access: RepositoryAccess? { RepositoryAccess(location, lock: .exclusive) }

  func run(in context: CommandContext) throws -> ExitCode {
    let hints = try localRepository(context).hintsDocument()
    var output = try DumpOutput(path, context.console)
    try output.write(hints.text(indent: "    "))
    try output.flush()
    return .success
  }
}

/// All objects of a repository in the order in which they lie on disk, with their plaintext.
private struct RepositoryObjects {
  private static let pageSize = 10_000

  private let repository: any Repository
  private let inspection: ObjectInspection?

  init(_ context: CommandContext) throws {
    repository = context.repository
    inspection = try repository.list(after: nil, limit: 1).first.map {
      try ObjectInspection(
        context.repository, anyObject: context.repository.get($0), context: context.sessionContext)
    }
  }

  func forEach(_ body: (Int, ChunkID, [UInt8]) throws -> Void) throws {
    guard let inspection else { return }
    var progress = ListingProgress("scan")
    var number = 0
    while true {
      let ids = try repository.scan(after: progress.marker, limit: Self.pageSize)
      guard let last = ids.last else { return }
      try progress.advance(to: last)
      for id in ids {
        try body(number, id, inspection.plaintext(of: id, repository.get(id)))
        number += 1
      }
    }
  }
}

private func localRepository(_ context: CommandContext) throws -> LocalRepository {
  guard let repository = context.repository as? LocalRepository else {
    throw ArchiveError.plain("this works with local repositories only")
  }
  return repository
}
