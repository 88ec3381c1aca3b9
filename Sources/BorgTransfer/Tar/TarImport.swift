import BorgArchive
import BorgFormat
import BorgObjects
import BorgSystem
import CLinux

/// One run of `import-tar`: a tar stream into a new archive, on the same street as `create` (cli.md 8.3).
public final class TarImport {
  private let path: [UInt8]
  private let filter: String?
  private let ignoresZeros: Bool
  private let making: ArchiveRun

  /// Of `options` what concerns content and archive metadata counts. `filter` nil: chosen by the suffix of `path`; `-`
  /// is standard input. Throws `ArchiveError.alreadyExists`.
  public init(
    _ path: [UInt8], filter: String?, ignoresZeros: Bool, named name: [UInt8], session: RepositorySession,
    cache: Cache, _ options: CreateOptions, interruption: Interruption
  ) throws {
    self.path = path
    self.filter = filter
    self.ignoresZeros = ignoresZeros
    making = try ArchiveRun(named: name, session: session, cache: cache, options, interruption: interruption)
  }

  /// Makes the archive and commits it. Throws for a damaged tar file (nothing is stored then), a failing filter, and
  /// like `Creation.run`. Call once.
  public func run() throws -> Creation.Outcome {
    let context = making.session.context
    let source = try TarFilter(path, command: filter, isInput: true, context: context)
    return try making.complete { street in
      let builder = BatchBuilder(street)
      let reader = TarReader(
        TarInput(source.descriptor, interruption: making.interruption), ignoresZeros: ignoresZeros)
      let items = TarItems(
        reader, builder,
        ContentReader(
          making.options.chunkerParameters, seed: making.session.key.chunkSeed, sparse: false, builder: builder,
          interruption: making.interruption))
      do {
        while !builder.isDone, let member = try reader.next() { try items.add(member) }
        if !builder.isDone { try source.finish() }
      } catch {
        source.abandon()
        throw error
      }
      try builder.flush()
    }
  }
}

/// Makes items of members and sends them and their content down the street.
private struct TarItems {
  let reader: TarReader
  let builder: BatchBuilder
  let content: ContentReader

  init(_ reader: TarReader, _ builder: BatchBuilder, _ content: ContentReader) {
    self.reader = reader
    self.builder = builder
    self.content = content
  }

  func add(_ member: TarMember) throws {
    guard let (type, letter) = Self.kind(of: member) else {
      let shown =
        (0x21..<0x7F).contains(member.type) ? String(UnicodeScalar(member.type)) : "\\x" + Hex.encode([member.type])
      return try refuse(member, "Unsupported tarinfo type b'\(shown)'")
    }
    if member.name.contains(0) || member.linkName.contains(0) { return try refuse(member, "name contains NUL") }
    var item = Item(path: ArchivePath.stored(ArchivePath.normalized(member.name)), mode: member.mode | type)
    (item.uid, item.gid) = (member.uid, member.gid)
    (item.user, item.group) = (Self.owner(member.user), Self.owner(member.group))
    item.mtime = clampedItemTime(member.mtime)
    if member.isRegular { return try addFile(item, member) }
    if member.type == TarType.symbolicLink || member.type == TarType.hardLink { item.source = member.linkName }
    if type == FileType.characterDevice || type == FileType.blockDevice {
      item.rdev = UInt64(clinux_makedev(member.device.major, member.device.minor))
    }
    try builder.finish(item)
    try builder.status(letter, member.shownName)
  }

  /// Nil for no name; what follows a NUL, which no name can hold, is cut off.
  private static func owner(_ name: [UInt8]) -> [UInt8]? {
    let name = name.prefix { $0 != 0 }
    return name.isEmpty ? nil : Array(name)
  }

  private func refuse(_ member: TarMember, _ reason: String) throws {
    try builder.warn(.other(reason), member.shownName)
    try builder.status(UInt8(ascii: "E"), member.shownName)
  }

  private func addFile(_ item: Item, _ member: TarMember) throws {
    try builder.status(UInt8(ascii: "A"), item.path)
    try builder.begin(item)
    try content.read(size: member.sparse?.realSize ?? member.size) { try reader.read(member, into: $0) }
    try builder.finish(item)
  }

  private static func kind(of member: TarMember) -> (type: UInt32, letter: UInt8)? {
    if member.isRegular { return (FileType.regular, UInt8(ascii: "A")) }
    return switch member.type {
    case TarType.directory: (FileType.directory, UInt8(ascii: "d"))
    case TarType.symbolicLink: (FileType.symbolicLink, UInt8(ascii: "s"))
    case TarType.hardLink: (FileType.regular, UInt8(ascii: "h"))
    case TarType.blockDevice: (FileType.blockDevice, UInt8(ascii: "b"))
    case TarType.characterDevice: (FileType.characterDevice, UInt8(ascii: "c"))
    case TarType.fifo: (FileType.fifo, UInt8(ascii: "f"))
    default: nil
    }
  }
}

extension TarMember {
  /// Without the slashes that directories' names end in.
  fileprivate var shownName: [UInt8] {
    Array(name.prefix((name.lastIndex { $0 != UInt8(ascii: "/") } ?? 0) + 1))
  }
}
