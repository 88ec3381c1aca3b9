import BorgArchive
import BorgFormat
import BorgObjects
import BorgSystem
import CLinux
import Glibc

/// Makes items of live files and sends them and their content down the street (archives.md sections 5 and 6).
final class ItemBuilder {
  private struct InodeID: Hashable {
    var inode: UInt64
    var device: UInt64
  }

  /// What an item is to the other names of its inode.
  private enum LinkRole {
    case single
    case master
    /// A later name of the item stored under this path.
    case reference([UInt8])
  }

  private let options: CreateOptions
  private let builder: BatchBuilder
  private let reader: ContentReader
  private let metadata: MetadataCapture
  private let files: SharedFilesCache
  private let ahead: OpenAhead?
  private let context: SessionContext
  private var hardLinks: [InodeID: [UInt8]] = [:]

  init(
    _ options: CreateOptions, builder: BatchBuilder, files: SharedFilesCache, ahead: OpenAhead?,
    session: RepositorySession, interruption: Interruption
  ) {
    self.options = options
    self.builder = builder
    self.files = files
    self.ahead = ahead
    context = session.context
    reader = ContentReader(
      options.chunkerParameters, seed: session.key.chunkSeed, sparse: options.sparse, builder: builder,
      interruption: interruption)
    let selection = MetadataSelection(
      numericIDs: options.numericIDs, atime: options.storesAtime, ctime: options.storesCtime,
      flags: options.storesFlags, xattrs: options.storesXattrs, acls: options.storesACLs)
    metadata = MetadataCapture(selection, context: session.context)
  }

  private func role(_ status: FileStatus) -> LinkRole {
    guard status.linkCount > 1 else { return .single }
    guard let first = hardLinks[InodeID(inode: status.inode, device: status.device)] else { return .master }
    return .reference(first)
  }

  /// The path under which an item is stored; nil for a directory above a `/./`.
  private func storedPath(_ path: [UInt8], _ root: DirectoryWalker.Root) -> [UInt8]? {
    guard let prefix = root.stripPrefix else { return ArchivePath.stored(path) }
    if prefix.dropLast().elementsEqual(path) { return [0x2E] }
    if prefix.starts(with: path + [0x2F]) { return nil }
    return ArchivePath.stored(path.starts(with: prefix) ? Array(path[prefix.count...]) : path)
  }
}

/// What a directory calls a regular file is something else.
struct NotRegular: Error {}

extension ItemBuilder {
  private static let omitted = UInt8(ascii: "x")

  /// A directory that is not open yet.
  func directory(
    _ path: [UInt8], _ place: Place, _ seen: FileStatus, _ root: DirectoryWalker.Root
  ) throws -> UInt8? {
    let descriptor = try openLive(place, O_DIRECTORY | O_RDONLY | O_NOFOLLOW, operation: "dir_open")
    defer { close(descriptor) }
    guard let status = FileStatus(of: descriptor) else { throw BackupProblem.last("fstat") }
    try status.checkStillThe(seen)
    return try directory(path, descriptor: descriptor, status, root)
  }

  func directory(
    _ path: [UInt8], descriptor: Int32, _ status: FileStatus, _ root: DirectoryWalker.Root
  ) throws -> UInt8? {
    guard let stored = storedPath(path, root) else { return Self.omitted }
    var item = Item(path: stored)
    metadata.captureSimple(status, into: &item)
    try metadata.captureExtended(status, descriptor: descriptor, handle: .descriptor(descriptor), into: &item)
    try builder.finish(item)
    return UInt8(ascii: "d")
  }

  func symbolicLink(
    _ path: [UInt8], _ place: Place, _ status: FileStatus, _ root: DirectoryWalker.Root
  ) throws -> UInt8? {
    guard let stored = storedPath(path, root) else { return Self.omitted }
    var item = Item(path: stored)
    item.source = try linkTarget(place)
    metadata.captureSimple(status, into: &item)
    try metadata.captureExtended(
      status, descriptor: nil, handle: FileHandle(directory: place.directory, name: place.name), into: &item)
    try builder.finish(item)
    return UInt8(ascii: "s")
  }

  private func linkTarget(_ place: Place) throws(BackupProblem) -> [UInt8] {
    var count = 256
    while true {
      var length = 0
      let target = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        length = buffer.withMemoryRebound(to: CChar.self) { characters in
          characters.baseAddress.map { readlinkat(place.directory, place.name, $0, count) } ?? -1
        }
        initialized = max(length, 0)
      }
      guard length >= 0 else { throw .last("readlink", place.nameBytes) }
      if length < count { return target }
      count *= 4
    }
  }

  func fifo(
    _ path: [UInt8], _ place: Place, _ seen: FileStatus, _ root: DirectoryWalker.Root
  ) throws -> UInt8? {
    guard let stored = storedPath(path, root) else { return Self.omitted }
    let descriptor = try openLive(place, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY)
    defer { close(descriptor) }
    guard let status = FileStatus(of: descriptor) else { throw BackupProblem.last("fstat") }
    try status.checkStillThe(seen)
    var item = Item(path: stored)
    return try finishSpecial(&item, status, descriptor: descriptor, place, letter: UInt8(ascii: "f"))
  }

  func device(
    _ path: [UInt8], _ place: Place, _ seen: FileStatus, _ root: DirectoryWalker.Root
  ) throws -> UInt8? {
    guard let stored = storedPath(path, root) else { return Self.omitted }
    guard let status = FileStatus(at: place.directory, place.name) else {
      throw BackupProblem.last("stat", place.nameBytes)
    }
    try status.checkStillThe(seen)
    var item = Item(path: stored)
    item.rdev = status.rdev
    let letter = UInt8(ascii: status.type == FileType.blockDevice ? "b" : "c")
    return try finishSpecial(&item, status, descriptor: nil, place, letter: letter)
  }

  private func finishSpecial(
    _ item: inout Item, _ status: FileStatus, descriptor: Int32?, _ place: Place, letter: UInt8
  ) throws -> UInt8? {
    let role = role(status)
    apply(role, to: &item)
    metadata.captureSimple(status, into: &item)
    try metadata.captureExtended(
      status, descriptor: descriptor, handle: FileHandle(directory: place.directory, name: place.name), into: &item)
    try builder.finish(item)
    return remember(role, status, item) ? letter : UInt8(ascii: "h")
  }

  private func apply(_ role: LinkRole, to item: inout Item) {
    switch role {
    case .single: item.hardlinkMaster = false
    case .master: item.hardlinkMaster = true
    case .reference(let source): item.source = source
    }
  }

  /// Remembers a first name that was stored; false for a later name.
  private func remember(_ role: LinkRole, _ status: FileStatus, _ item: Item) -> Bool {
    if case .reference = role { return false }
    if case .master = role { hardLinks[InodeID(inode: status.inode, device: status.device)] = item.path }
    return true
  }
}

extension ItemBuilder {
  /// A regular file, or with --read-special anything that is read like one. `expected` nil: the directory says it is a
  /// regular file, and nobody has looked closer; throws `NotRegular` when it is something else.
  func file(
    _ path: [UInt8], _ place: Place, expected: FileStatus?, _ root: DirectoryWalker.Root, followsLink: Bool = false,
    isSkipped: (FileStatus) -> Bool
  ) throws -> UInt8? {
    if let looked = place.opened, looked.wasOnlyLookedAt, let status = looked.status {
      if isSkipped(status) { return nil }
      if try storedUnopened(path, looked, status, root) { return nil }
    }
    let isSpecial = expected?.isSpecial ?? false
    let flags = O_RDONLY | O_NOCTTY | (followsLink ? 0 : O_NOFOLLOW) | (isSpecial ? 0 : O_NONBLOCK)
    let file: OpenedFile
    do { file = try openFile(place, flags, wasSeen: expected != nil) } catch {
      // Sockets cannot be opened, nor links with these flags.
      if expected == nil, let status = FileStatus(at: place.directory, place.name), status.type != FileType.regular {
        throw NotRegular()
      }
      throw error
    }
    defer { if place.opened != nil, let ahead { ahead.giveBack(file.descriptor) } else { close(file.descriptor) } }
    guard let stored = storedPath(path, root) else { return Self.omitted }
    guard let status = file.status ?? FileStatus(of: file.descriptor) else { throw BackupProblem.last("fstat") }
    if let expected {
      try status.checkStillThe(expected)
    } else if status.type != FileType.regular {
      throw NotRegular()
    }
    if isSkipped(status) { return nil }
    var item = Item(path: stored)
    let role = role(status)
    apply(role, to: &item)
    metadata.captureSimple(status, into: &item)
    if isSpecial { item.mode = FileType.regular | item.mode & 0o7777 }
    if case .reference = role {
      try captureExtended(status, file, into: &item)
      try builder.finish(item)
      return UInt8(ascii: "h")
    }
    let letter = try content(path, file, status, isSpecial: isSpecial, &item)
    _ = remember(role, status, item)
    return letter
  }

  /// Stores a file that was only looked at, if the files cache knows it as it is.
  private func storedUnopened(
    _ path: [UInt8], _ looked: OpenedFile, _ status: FileStatus, _ root: DirectoryWalker.Root
  ) throws -> Bool {
    guard let stored = storedPath(path, root), let pathHash = files.pathHash(path),
      case .unchanged(let ids) = files.lookup(FileIdentity(pathHash, status))
    else { return false }
    var item = Item(path: stored)
    item.hardlinkMaster = false
    metadata.captureSimple(status, into: &item)
    try finishUnchanged(item, path, looked, status, ids)
    return true
  }

  private func finishUnchanged(
    _ item: Item, _ path: [UInt8], _ file: OpenedFile, _ status: FileStatus, _ ids: [ChunkID]
  ) throws {
    var item = item
    try builder.status(UInt8(ascii: "U"), path)
    try captureExtended(status, file, into: &item)
    try builder.begin(item)
    for id in ids { try builder.chunk(known: id) }
    try builder.finish(item)
  }

  /// A name that vanished since the directory was read fails as Borg's `stat` would have.
  private func openFile(_ place: Place, _ flags: Int32, wasSeen: Bool) throws(BackupProblem) -> OpenedFile {
    if let opened = place.opened, opened.descriptor >= 0 { return opened }
    do {
      return OpenedFile(descriptor: try openLive(place, flags))
    } catch .system(_, let error) where !wasSeen && error.code == ENOENT {
      throw .system(operation: "stat", error)
    }
  }

  private func captureExtended(_ status: FileStatus, _ file: OpenedFile, into item: inout Item) throws {
    try metadata.captureExtended(
      status, descriptor: file.descriptor, handle: .descriptor(file.descriptor),
      hasNoAttributes: file.hasNoAttributes, into: &item)
  }

  /// Known chunks of an unchanged file, or its content; then the item. Returns `C` when it changed while being read.
  private func content(
    _ path: [UInt8], _ file: OpenedFile, _ status: FileStatus, isSpecial: Bool, _ item: inout Item
  ) throws -> UInt8? {
    var identity: FileIdentity?
    if !isSpecial, let pathHash = files.pathHash(path) {
      let known = FileIdentity(pathHash, status)
      switch files.lookup(known) {
      case .unchanged(let ids):
        try finishUnchanged(item, path, file, status, ids)
        return nil
      case .changed: try builder.status(UInt8(ascii: "M"), path)
      case .unknown: try builder.status(UInt8(ascii: "A"), path)
      }
      identity = known
    } else {
      try builder.status(UInt8(ascii: "A"), path)
    }
    if !isSpecial, let count = try reader.readSmall(file.descriptor, size: status.size) {
      let changed = try hasChanged(status, file.descriptor, isSpecial: false)
      try captureExtended(status, file, into: &item)
      try builder.begin(item)
      try reader.emitSmall(count)
      return try finish(item, identity, changed: changed)
    }
    return try readLarge(file, status, isSpecial: isSpecial, identity, &item)
  }

  private func readLarge(
    _ file: OpenedFile, _ status: FileStatus, isSpecial: Bool, _ identity: FileIdentity?, _ item: inout Item
  ) throws -> UInt8? {
    try builder.begin(item)
    let changed: Bool
    do {
      try reader.read(file.descriptor)
      changed = try hasChanged(status, file.descriptor, isSpecial: isSpecial)
      try captureExtended(status, file, into: &item)
    } catch let problem as BackupProblem {
      try builder.abandon()
      throw problem
    }
    return try finish(item, identity, changed: changed)
  }

  private func finish(_ item: Item, _ identity: FileIdentity?, changed: Bool) throws -> UInt8? {
    if let identity, !changed { try builder.remember(identity) }
    try builder.finish(item)
    return changed ? UInt8(ascii: "C") : nil
  }

  private func hasChanged(
    _ before: FileStatus, _ descriptor: Int32, isSpecial: Bool
  ) throws(BackupProblem) -> Bool {
    if isSpecial || options.changeDetection == .disabled { return false }
    guard let after = FileStatus(of: descriptor) else { throw .last("fstat2") }
    return options.changeDetection == .ctime ? before.ctime != after.ctime : before.mtime != after.mtime
  }
}

extension ItemBuilder {
  /// Standard input or a command's output as one file. Throws `BackupProblem` when it cannot be read.
  func pipe(_ descriptor: Int32) throws {
    try builder.status(UInt8(ascii: "i"), options.stdinName)
    let user = options.stdinUser ?? context.users.userName(0) ?? []
    let group = options.stdinGroup ?? context.users.groupName(0) ?? []
    guard let uid = context.users.userID(user) else {
      throw ArchiveError.plain("no such user: \(displayText(user))")
    }
    guard let gid = context.users.groupID(group) else {
      throw ArchiveError.plain("no such group: \(displayText(group))")
    }
    var item = Item(path: options.stdinName, mode: options.stdinMode & 0o107777 | FileType.regular)
    item.uid = Int64(uid)
    item.gid = Int64(gid)
    item.user = user
    item.group = group
    let now = context.clock.now() / 1_000_000_000 * 1_000_000_000
    (item.mtime, item.atime, item.ctime) = (now, now, now)
    try builder.begin(item)
    do {
      try reader.read(descriptor)
    } catch let problem as BackupProblem {
      try builder.abandon()
      throw problem
    }
    item.hardlinkMaster = false
    try builder.finish(item)
  }
}
